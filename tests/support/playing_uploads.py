"""Play a program and the sidecar beside it in one process, step by step."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from obstore.store import MemoryStore

from tests.support.targets import Faults, opening
from tests.support.uploading import Pod
from trainingjob.sidecar.artifact import Artifact
from trainingjob.sidecar.errors import UnavailableError

PREFIX = "s3://memory/team/mnist/uid/0/worker-0"
FOLDER = PREFIX.removeprefix("s3://memory/")


@dataclass
class Run:
    """A program that writes, and the sidecar beside it."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    faults: Faults = field(default_factory=Faults)
    clock: float = 1e9

    def __post_init__(self) -> None:
        self.pod = Pod(self.folder, PREFIX)
        self.restart()

    def restart(self) -> None:
        self.artifact = Artifact(self.pod.wanted(), self.pod.uid, asyncio.Event(), opening(self.store, self.faults))

    async def do(self, what: str, first: str | None, second: str | bytes | None) -> None:
        if what == "round":
            try:
                await self.artifact.upload_changes()
            except UnavailableError:
                return
        elif what == "restart":
            self.restart()
        elif what == "fault":
            self.faults.planned.append(first or "none")
        else:
            self.change(what, self.pod.workspace / str(first), second)

    def change(self, what: str, path: Path, second: str | bytes | None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if what in ("write", "append") and isinstance(second, bytes):
            with path.open("ab" if what == "append" else "wb") as file:
                file.write(second)
            # The kernel's own stamps are too coarse for changes that follow one another so fast.
            self.clock += 1
            os.utime(path, (self.clock, self.clock))
        elif path.exists() and what == "delete":
            path.unlink()
        elif path.exists() and isinstance(second, str):
            target = self.pod.workspace / second
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)

    def objects(self) -> dict[str, int]:
        return {found["path"]: found["size"] for found in self.store.list().collect()}

    def read(self, key: str) -> bytes:
        return bytes(self.store.get(key).bytes())
