"""The control groups that the pods of a node live in: made before the kubelet starts, removed with the node."""

import os
import signal
import time
from pathlib import Path

from devtools.cluster.errors import ClusterError

_ROOT = Path("/sys/fs/cgroup")
_REMOVAL_SECONDS = 10.0


class GroupBusyError(ClusterError):
    """A control group could not be removed; the message names it."""


def hierarchies(root: Path = _ROOT) -> list[Path]:
    """Return the top of every tree of control groups: one with version 2, one for each controller with version 1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return [
        folder for folder in sorted(root.iterdir()) if (folder / "cgroup.procs").exists() and not folder.is_symlink()
    ]


def create(name: str, root: Path = _ROOT) -> None:
    """Make a group of this name in every tree, with the parent's processors and memory nodes."""
    for top in hierarchies(root):
        group = top / name
        if (top / "cgroup.subtree_control").exists() and top == root:
            _delegate(top)
        group.mkdir(exist_ok=True)
        for inherited in ("cpuset.cpus", "cpuset.mems"):
            if top != root and (top / inherited).exists():
                (group / inherited).write_text((top / inherited).read_text())


def remove(name: str, root: Path = _ROOT) -> None:
    """End what still runs in the groups of this name and remove them with all below.

    Raises:
        GroupBusyError: when one is still in use after ten seconds.
    """
    deadline = time.monotonic() + _REMOVAL_SECONDS
    for top in hierarchies(root):
        group = top / name
        while group.exists():
            if time.monotonic() > deadline:
                raise GroupBusyError(f"The control group {group} is still in use; its processes: {_processes(group)}.")
            _try_removal(group)


def existing(prefix: str, root: Path = _ROOT) -> set[str]:
    """Return the names of the groups at the top of any tree that start with a prefix."""
    return {group.name for top in hierarchies(root) for group in top.glob(f"{prefix}*") if group.is_dir()}


def _try_removal(group: Path) -> None:
    for pid in _processes(group):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # its last process is still ending
            time.sleep(0.02)
            return


def _processes(group: Path) -> list[int]:
    found = []
    for path in group.rglob("cgroup.procs"):
        try:
            found += [int(line) for line in path.read_text().split()]
        except FileNotFoundError:
            continue
    return [pid for pid in found if pid > 0]


def _delegate(top: Path) -> None:
    controllers = (top / "cgroup.controllers").read_text().split()
    (top / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
