"""Jobs on real nodes whose code comes from elsewhere and whose files are kept in an S3 server of this machine."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools.deploy import NAMESPACE, RELEASE
from devtools.paths import REPOSITORY
from tests.support.node_jobs import DONE, PLAIN, Spec
from tests.support.object_store import ObjectServer
from tests.support.user import RefusedError, User

SECRET = "store-keys"
CODE = "code"

# A linear model, so that a few lines of plain Python can predict with what it leaves.
TRAIN = f"""
import json, os, sys, time
from pathlib import Path
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

outputs, logs = Path(os.environ["TRAININGJOB_OUTPUTS"]), Path(os.environ["TRAININGJOB_LOGS"])
images, labels = load_digits(return_X_y=True)
model = SGDClassifier(random_state=0)
with (logs / "train.log").open("a", buffering=1) as log:
    epoch = 0
    while epoch == 0 or not os.path.exists({DONE!r}):
        epoch += 1
        model.partial_fit(images, labels, classes=range(10))
        log.write(f"epoch {{epoch}}\\n")
        time.sleep(0.2)
kept = {{"weights": model.coef_.tolist(), "biases": model.intercept_.tolist(), "images": images[:20].tolist()}}
(outputs / "model.json").write_text(json.dumps(kept))
print("predictions", model.predict(images[:20]).tolist(), flush=True)
match sys.argv[1:]:
    case ["raise"]:
        raise RuntimeError("the loss is no number")
    case ["use up memory"]:
        taken = [bytearray(b"x" * 1024 ** 2) for _ in range(10_000)]
"""
"""Trains until it is told to end, and then ends as its argument says."""


def count_in(folder: str) -> str:
    """Return a program that counts steps, each in a checkpoint, and goes on from the last one of an earlier attempt."""
    return f"""
import os, time
from pathlib import Path

folder, earlier = Path({folder!r}), Path(os.environ["TRAININGJOB_RESUME"], {folder!r})
found = sorted(earlier.glob("step-*"))
step = int(found[-1].read_text()) if found else 0
print("begun with step", step, flush=True)
while not os.path.exists({DONE!r}):
    step += 1
    (folder / "writing.tmp").write_text(str(step))
    (folder / "writing.tmp").rename(folder / f"step-{{step:06d}}")
    print("step", step, flush=True)
    time.sleep(0.2)
"""


COUNT = count_in("outputs")


@dataclass
class Keeper:
    """A person whose jobs keep their files in a store, and who looks for them there."""

    user: User
    store: ObjectServer
    host: str
    """The address of this machine as pods see it."""
    planted: list[str] = field(default_factory=list)
    """What is to be read nowhere."""

    def __post_init__(self) -> None:
        self.keep_secret(SECRET, **self.store.environment)
        self.planted = [self.store.access_key, self.store.secret_key]

    def keep_secret(self, name: str, **values: str) -> None:
        """Make a Secret."""
        self.user.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})

    def run(self, name: str, program: str, *args: str, **spec: Any) -> None:
        """Apply a job whose code is one file of a ConfigMap, and whose outputs are kept."""
        code = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CODE}, "data": {"train.py": program}}
        self.user.apply(code)
        outputs = {**kept_in(self.store), **spec.pop("outputs", {})}
        source = {"source": {"configMap": {"name": CODE}}, "entrypoint": "train.py", "args": list(args)}
        self.user.apply_job(name, **{**plain(), **source, "outputs": outputs, **spec})

    def prefix(self, job: str, attempt: int = 0) -> str:
        """Return the key below which worker 0 of an attempt keeps its files."""
        namespace, uid = self.user.namespace, self.user.job(job)["metadata"]["uid"]
        return f"runs/{namespace}/{job}/{uid}/{attempt}/worker-0"

    def read(self, job: str, path: str) -> str:
        """Return what the store has of a file of the first attempt; empty when it has none."""
        with suppress(FileNotFoundError):
            return self.store.read(f"{self.prefix(job)}/{path}").decode()
        return ""

    def download(self, artifact: dict[str, Any], folder: Path) -> Path:
        """Download an artifact with the program that the documentation shows, and return the folder.

        Args:
            artifact: an entry of `status.artifacts`.
            folder: where to put it; it is made.
        """
        page = (REPOSITORY / "docs" / "artifacts.md").read_text()
        program = page.partition("```python\n")[2].partition("```")[0]
        words: list[str | Path] = [sys.executable, "-c", program, artifact["uri"], artifact["sha256"], folder]
        subprocess.run(words, env={**os.environ, **self.store.environment}, check=True, capture_output=True)
        return folder

    def everything_to_read(self, job: str) -> str:
        """Return all that a person can read about a job without looking into a Secret."""
        kinds = "trainingjobs.trainingjob.dev,pods,services,configmaps,events"
        texts = [self.user.kubectl("get", kinds, "-o", "yaml"), self.user.kubectl("describe", "tjob", job)]
        texts += [self.user.kubectl("describe", "pods")]
        texts += [self.user.kubectl("logs", "-n", NAMESPACE, f"deploy/{RELEASE}")]
        for pod in self.user.pods(job).values():
            for container in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]):
                with suppress(RefusedError):  # it has not begun
                    texts.append(self.user.kubectl("logs", pod["metadata"]["name"], "-c", container["name"]))
        return "\n".join(texts)


def plain() -> Spec:
    """Return what every job here has."""
    return {"image": PLAIN, "imagePullPolicy": "IfNotPresent", "stopGraceSeconds": 5}


def kept_in(store: ObjectServer) -> Spec:
    """Return the outputs of a job that are looked at each second."""
    return {"uri": f"s3://{store.bucket}/runs", "secretRef": {"name": SECRET}, "interval": 1}


def predictions(folder: Path) -> list[int]:
    """Return what a downloaded model of `TRAIN` predicts for the images that lie beside it."""
    model = json.loads((folder / "outputs" / "model.json").read_text())

    def scores(image: list[float]) -> list[float]:
        rows = zip(model["weights"], model["biases"], strict=True)
        return [sum(weight * value for weight, value in zip(row, image, strict=True)) + bias for row, bias in rows]

    found = [scores(image) for image in model["images"]]
    return [row.index(max(row)) for row in found]
