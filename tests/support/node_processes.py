"""The programs of a job's pods as processes of this machine: its nodes are namespaces, so every one is in sight."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainingjob.contract.names import POD_UID_VARIABLE

Key = tuple[str, str]
"""Role and index."""

_SHIM = "containerd-shim"
"""The parent of every container's first process. A parent without variables tells nothing: sshd overwrites its own."""


@dataclass(frozen=True)
class PodProcess:
    """A process inside a pod of a TrainingJob.

    Attributes:
        key: the role and index of its pod.
        init: whether the container's shim is its parent, so that it is the container's first process.
    """

    pid: int
    job: str
    key: Key
    attempt: int
    init: bool

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def pod_processes(namespace: str, job: str | None = None) -> list[PodProcess]:
    """Return the processes that run in pods of the jobs of a namespace, or of one job."""
    return [
        PodProcess(
            pid,
            variables["TRAININGJOB_NAME"],
            (variables["TRAININGJOB_ROLE"], variables["TRAININGJOB_INDEX"]),
            int(variables["TRAININGJOB_ATTEMPT"]),
            init=_command(_parent(pid)) == _SHIM,
        )
        for pid, variables in _environments()
        if variables.get("TRAININGJOB_NAMESPACE") == namespace and job in (None, variables["TRAININGJOB_NAME"])
    ]


def own_process(pod_uid: str, container: str) -> int | None:
    """Return the pid of a container of ours, such as `artifacts`, in a pod; None when it does not run."""
    for pid, variables in _environments():
        if variables.get(POD_UID_VARIABLE) == pod_uid and _words(pid)[-1:] == [container]:
            return pid
    return None


def _environments() -> Iterator[tuple[int, dict[str, str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # It ends in between, or is a kernel's own.
            with suppress(OSError):
                text = (entry / "environ").read_bytes().decode(errors="replace")
                yield int(entry.name), dict(item.split("=", 1) for item in text.split("\0") if "=" in item)


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    return []
