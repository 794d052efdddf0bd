"""Start, find and end the long-lived processes of a cluster, whoever started them and however that one ended."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.shell import run

_LAUNCHER = Path(__file__).with_name("launch.py")
_MARKER = "TRAININGJOB_CLUSTER_DIRECTORY"
_DEAD = "ZX"


class StillRunningError(ClusterError):
    """A process did not end although it was killed; the message names it."""


@dataclass(frozen=True)
class Running:
    """A process that cannot be mistaken for a later one with the same pid.

    Attributes:
        started: clock ticks between the machine's boot and the process's start.
    """

    pid: int
    started: int

    def alive(self) -> bool:
        """Return whether this very process runs; one that only waits to be collected does not."""
        return _started(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def start(
    command: Sequence[str],
    *,
    directory: Path,
    log: Path,
    path: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    enter: int | None = None,
    create: bool = False,
) -> Running:
    """Start a process that outlives this one.

    Args:
        directory: the cluster's folder; the process carries it in its environment, so that `marked` finds it.
        log: the file that its output is appended to.
        path: folders to look for programs in, before the system's.
        env: more variables; nothing of the caller's own environment is passed on.
        enter: pid of a process whose namespaces it joins.
        create: whether it is the first process of namespaces of its own.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words: list[str | Path] = [sys.executable, "-I", "-S", _LAUNCHER, "--log", log]
    words += ["--create"] if create else []
    words += ["--enter", str(enter)] if enter is not None else []
    variables = {"PATH": ":".join([*path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])}
    variables |= {"HOME": str(directory), _MARKER: str(directory), **(env or {})}
    pid = int(run([*words, "--", *command], only=variables))
    started = _started(pid)
    return Running(pid, started if started is not None else -1)


def read(path: Path) -> Running | None:
    """Return the process that a file remembers, None when there is no such file."""
    if not path.exists():
        return None
    return Running(**json.loads(path.read_text()))


def write(path: Path, process: Running) -> None:
    """Remember a process in a file, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"pid": process.pid, "started": process.started}))
    draft.replace(path)


def marked(directory: Path) -> list[Running]:
    """Return every process of this machine that was started for a cluster's folder, remembered or not."""
    wanted = f"{_MARKER}={directory}".encode()
    found = []
    for pid in _pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue  # ended in between, or another user's
        started = _started(pid)
        if started is not None and wanted in environment.split(b"\0"):
            found.append(Running(pid, started))
    return found


def is_command(process: Running, command: Sequence[str]) -> bool:
    """Return whether a process runs a command, or is just about to."""
    try:
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return False
    return words[-len(command) :] == list(command)


def end(processes: Sequence[Running], grace: float) -> None:
    """Ask processes to end, kill those that are still there after `grace` seconds, and wait until all are gone.

    Raises:
        StillRunningError: when the kernel has not ended one 30 s after it was killed.
    """
    for process in processes:
        process.send(signal.SIGTERM if grace > 0 else signal.SIGKILL)
    if grace > 0 and not _gone(processes, grace):
        for process in processes:
            process.send(signal.SIGKILL)
    if not _gone(processes, 30):
        pids = ", ".join(str(process.pid) for process in processes if process.alive())
        raise StillRunningError(f"These processes were killed and are still there: {pids}.")


def _gone(processes: Sequence[Running], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(process.alive() for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _started(pid: int) -> int | None:
    try:
        return started_in(Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return None


def started_in(stat: str) -> int | None:
    """Return when a process started, in clock ticks since the boot; None when it has ended.

    A killed process whose first thread has ended still holds its ports until its last thread has.

    Args:
        stat: the text of /proc/PID/stat.
    """
    # The name stands in brackets and may hold anything, brackets too.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in _DEAD and int(fields[17]) <= 1 else int(fields[19])


def _pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)
