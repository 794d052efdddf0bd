"""The examples as their folders have them, on real nodes: only where code, packages and store are is another place."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devtools.paths import REPOSITORY
from tests.support.artifact_jobs import SECRET, Keeper
from tests.support.package_index import PackageIndex
from tests.support.user import Object, RefusedError, User
from tests.support.wheels import wheels_for_pods

EXAMPLES = REPOSITORY / "examples"
_AT_ONCE = 3
_SECONDS = 600.0


@dataclass(frozen=True)
class Example:
    """A job of an example's folder."""

    folder: str
    teller: str = "worker-0"
    """The replica whose log tells how well the model reads."""
    manifest: str = "job.yaml"
    before: tuple[str, ...] = ()
    """Manifests that are applied before it, and whose jobs have to end first."""

    def __str__(self) -> str:
        return self.folder


@dataclass(frozen=True)
class Ended:
    """What an example's job has left."""

    job: str
    status: Object
    log: str
    """What the teller has printed."""
    installed: str
    """What was printed while packages were installed for the teller."""
    copy: Path | None
    """The job's only artifact, downloaded by its address and digest."""


@dataclass(frozen=True)
class Place:
    """A person and what there is for their jobs."""

    keeper: Keeper
    index: PackageIndex
    repository: str
    """The address of a git repository that has the examples."""
    commit: str
    """The newest commit of its branch main."""
    folder: Path
    """Where artifacts are downloaded to."""

    @property
    def user(self) -> User:
        """Return the person."""
        return self.keeper.user

    def run_all(self, examples: list[Example]) -> dict[str, Ended]:
        """Run the jobs of examples, some at the same time, and return by the examples' names what they have left."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(map(str, examples), pool.map(self._run, examples), strict=True))

    def _run(self, example: Example) -> Ended:
        for manifest in example.before:
            self._apply(read_manifests(self.user, example.folder, manifest))
        job = self._apply(read_manifests(self.user, example.folder, example.manifest), wait=False)
        status = self._wait(job)
        artifacts = [item for item in status.get("artifacts", []) if item["complete"]]
        return Ended(
            job,
            status,
            self._log(f"{job}-{example.teller}", "main"),
            self._log(f"{job}-{example.teller}", "install-packages"),
            self.keeper.download(artifacts[0], self.folder / example.folder) if len(artifacts) == 1 else None,
        )

    def _apply(self, objects: list[Object], *, wait: bool = True) -> str:
        """Apply objects, the specs of jobs changed to this place; return the name of the job among them, if any."""
        self.user.apply(*({**item, "spec": self.here(item["spec"])} if _is_job(item) else item for item in objects))
        job = next((str(item["metadata"]["name"]) for item in objects if _is_job(item)), "")
        if job and wait:
            self._wait(job)
        return job

    def here(self, spec: Object) -> Object:
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

    def _wait(self, job: str) -> Object:
        try:
            return self.user.wait_finished(job, seconds=_SECONDS)
        except RefusedError:  # it has not ended in time, which its test is to say
            return self.user.status(job)

    def _log(self, pod: str, container: str) -> str:
        try:
            return self.user.kubectl("logs", pod, "-c", container)
        except RefusedError as error:  # most have no such container
            return str(error)


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
