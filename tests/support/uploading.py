"""Run the uploading sidecar as a process of its own, as the kubelet would, and read what it leaves."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until
from trainingjob.contract import manifest, names
from trainingjob.contract.manifest import Manifest
from trainingjob.contract.report import Report
from trainingjob.contract.tasks import UploadArtifacts

OPERATOR = Path(__file__).parents[2] / "operator"


@dataclass
class Pod:
    """The folders of one pod that uploads, and its sidecar."""

    folder: Path
    prefix: str
    credentials: str = ""
    uid: str = "uid-1"
    task: dict[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        for path in (self.workspace, self.folder / "state"):
            path.mkdir(parents=True, exist_ok=True)
        (self.folder / "message").touch()

    @property
    def workspace(self) -> Path:
        """Return the folder in which the program writes."""
        return self.folder / "workspace"

    @property
    def log(self) -> str:
        """Return what the sidecar has printed, over all its starts."""
        return (self.folder / "log").read_text()

    def write(self, path: str, content: bytes = b"x", *, age: float = 60) -> Path:
        """Write a file of the program that was finished some seconds ago."""
        file = self.workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        then = time.time() - age
        os.utime(file, (then, then))
        return file

    def wanted(self) -> UploadArtifacts:
        """Return the sidecar's task."""
        given = {
            "prefix": self.prefix,
            "workspace": str(self.workspace),
            "paths": ("outputs",),
            "stream": ("logs",),
            "interval_seconds": 1,
            "pod": "mnist-worker-0",
            "attempt": 0,
            "credentials": self.credentials,
            "state": str(self.folder / "state"),
            "report_bytes": 1024,
            "grace_seconds": 120,
        }
        return UploadArtifacts.model_validate({**given, **self.task})

    def start(self) -> None:
        """Start the sidecar's container."""
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PYTHONPATH": str(OPERATOR),
            names.TASK_VARIABLE: self.wanted().model_dump_json(),
            names.POD_UID_VARIABLE: self.uid,
            names.TERMINATION_LOG_VARIABLE: str(self.folder / "message"),
        }
        words = [sys.executable, "-m", "trainingjob.sidecar", names.UPLOAD_ARTIFACTS]
        with (self.folder / "log").open("ab") as log:
            begun = log.tell()
            self.process = subprocess.Popen(words, env=variables, stdout=log, stderr=log)
        # A process that has not begun yet dies of every signal.
        wait_until(lambda: (self.folder / "log").stat().st_size > begun, 120)

    def send(self, number: signal.Signals) -> None:
        """Send the sidecar a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the sidecar as if it had used up its memory."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def wait(self, seconds: float = 180) -> int:
        """Return the exit code of the sidecar."""
        assert self.process is not None
        code = self.process.wait(seconds)
        self.process = None
        return code

    def end(self, seconds: float = 180) -> Report:
        """Tell the sidecar that the program has ended, and return its report."""
        self.send(signal.SIGTERM)
        code = self.wait(seconds)
        assert code == 0, self.log
        return self.report()

    def report(self) -> Report:
        """Return what the sidecar has left for the operator."""
        return Report.model_validate_json((self.folder / "message").read_bytes())

    def tree(self, *folders: str) -> dict[str, str]:
        """Return the digests of the files below some folders of the workspace."""
        files = [path for folder in folders for path in (self.workspace / folder).rglob("*") if path.is_file()]
        found = {path.relative_to(self.workspace).as_posix(): path.read_bytes() for path in files}
        return {path: hashlib.sha256(content).hexdigest() for path, content in found.items()}


def newest_manifest(objects: Mapping[str, Any], folder: str) -> str | None:
    """Return the key of a folder's newest manifest."""
    found = {
        key: manifest.NAME.match(key.removeprefix(f"{folder}/")) for key in objects if key.startswith(f"{folder}/")
    }
    numbers = {key: int(match[1]) for key, match in found.items() if match}
    return max(numbers, key=lambda key: numbers[key], default=None)


def read_artifact(read: Callable[[str], bytes], folder: str, name: str) -> tuple[Manifest, dict[str, str]]:
    """Return a manifest and the digests of its files, each of which is there as the manifest says."""
    text = read(name)
    found = Manifest.model_validate(json.loads(text))
    for file in found.files:
        content = read(f"{folder}/{file.path}")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256), file.path
    return found, {file.path: file.sha256 for file in found.files}
