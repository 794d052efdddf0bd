"""The one setting of the whole machine that clusters need: how many watchers of files there may be."""

import json
import os
from pathlib import Path

from devtools.cluster.state import clusters_root, every
from devtools.locking import locked
from devtools.progress import Progress

# Three quarters of the kernel's usual 128 are gone with one cluster of two nodes; then nothing more can start.
_WANTED = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}
_SETTINGS = Path("/proc/sys")


def raise_limits(progress: Progress, settings: Path = _SETTINGS) -> None:
    """Raise the limits that are too low and remember what they were; without root the cluster lives with them."""
    if os.geteuid() != 0:
        return
    with locked(Path("/")):
        remembered = _remembered()
        for name, wanted in _WANTED.items():
            path = settings / name
            if not path.exists() or int(path.read_text()) >= wanted:
                continue
            before = int(path.read_text())
            remembered.setdefault(name, before)
            _memory().parent.mkdir(parents=True, exist_ok=True)
            _memory().write_text(json.dumps(remembered))
            path.write_text(str(wanted))
            progress.say(f"raised {name.replace('/', '.')} from {before} to {wanted} until the last cluster is down")


def restore_limits(settings: Path = _SETTINGS) -> None:
    """Give the machine back the limits that it had, when no cluster of this cache folder is left."""
    if os.geteuid() != 0:
        return
    with locked(Path("/")):
        if any(every()):
            return
        for name, before in _remembered().items():
            (settings / name).write_text(str(before))
        _memory().unlink(missing_ok=True)


def _memory() -> Path:
    return clusters_root() / ".kernel.json"


def _remembered() -> dict[str, int]:
    found: dict[str, int] = json.loads(_memory().read_text()) if _memory().exists() else {}
    return found
