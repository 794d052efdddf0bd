"""The examples as their folders have them, on real nodes: only where code, packages and store are is another place."""

from dataclasses import dataclass
from typing import Any

import yaml

from devtools.paths import REPOSITORY
from tests.support.artifact_jobs import SECRET, Keeper
from tests.support.package_index import PackageIndex
from tests.support.user import Object, User
from tests.support.wheels import wheels_for_pods

EXAMPLES = REPOSITORY / "examples"


@dataclass(frozen=True)
class Example:
    """A job of an example's folder."""

    folder: str
    teller: str = "worker-0"
    """The replica whose log tells how well the model reads."""
    manifest: str = "job.yaml"
    before: tuple[str, ...] = ()
    """Manifests that are applied before it, and whose jobs have to end first."""
    loaded_by: str = "tensorflow-multi-worker"
    """The example in whose image the model can be loaded."""


@dataclass(frozen=True)
class Ended:
    """What an example's job has left."""

    job: str
    spec: Object
    status: Object
    log: str
    """What the teller has printed."""


@dataclass(frozen=True)
class Place:
    """A person and what there is for their jobs."""

    keeper: Keeper
    index: PackageIndex
    repository: str
    """The address of a git repository that has the examples."""
    commit: str
    """The newest commit of its branch main."""

    @property
    def user(self) -> User:
        """Return the person."""
        return self.keeper.user

    def run(self, example: Example) -> Ended:
        """Run an example's job to its end, which has to be a good one."""
        for manifest in example.before:
            self._apply(read_manifests(self.user, example.folder, manifest))
        job, spec, status = self._apply(read_manifests(self.user, example.folder, example.manifest))
        return Ended(job, spec, status, self.user.kubectl("logs", f"{job}-{example.teller}"))

    def _apply(self, objects: list[Object]) -> tuple[str, Object, Object]:
        """Apply objects, and wait for the good end of the job among them; return its name, its spec and its status."""
        changed = [{**item, "spec": self._here(item["spec"])} if _is_job(item) else item for item in objects]
        self.user.apply(*changed)
        for job in (item for item in changed if _is_job(item)):
            name = str(job["metadata"]["name"])
            status = self.user.wait_finished(name, seconds=400)
            assert status["phase"] == "Succeeded", (status, self.user.account(name))
            return name, job["spec"], status
        return "", {}, {}

    def _here(self, spec: Object) -> Object:
        """Return the spec with the store, the index and the repository of this place, and nothing else changed."""
        changed = dict(spec)
        if outputs := spec.get("outputs"):
            store = {"uri": f"s3://{self.keeper.store.bucket}/runs", "secretRef": {"name": SECRET}}
            changed["outputs"] = {**{name: value for name, value in outputs.items() if name != "pvc"}, **store}
        if environment := spec.get("environment"):
            for wheel in wheels_for_pods(environment["pip"]):
                self.index.add_file(wheel)
            changed["environment"] = {**environment, "indexUrl": self.index.url}
        if git := spec.get("source", {}).get("git"):
            changed["source"] = {"git": {**git, "url": self.repository}}
        return changed


def read_manifests(user: User, folder: str, manifest: str) -> list[Object]:
    """Return the objects of an example's manifest; with what `kubectl apply -k` would add to its `job.yaml`."""
    path = EXAMPLES / folder
    whole = manifest == "job.yaml" and (path / "kustomization.yaml").exists()
    text = user.kubectl("kustomize", str(path)) if whole else (path / manifest).read_text()
    return list(yaml.safe_load_all(text))


def files_of(folder: str) -> dict[str, str | bytes]:
    """Return the files of an example as they lie in the project's repository."""
    return {f"examples/{folder}/{path.name}": path.read_bytes() for path in (EXAMPLES / folder).iterdir()}


def _is_job(item: dict[str, Any]) -> bool:
    return bool(item["kind"] == "TrainingJob")
