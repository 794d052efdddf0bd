"""The folder of finished images: `<cache>/images`, one archive per tag and fingerprint."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from devtools import locking
from devtools.images.names import slug
from devtools.paths import cache_root

_KEPT_PER_NAME = 5


def folder() -> Path:
    """Return the folder that holds archives, logs and the builder's storage; it is made when it is missing."""
    path = cache_root() / "images"
    path.mkdir(parents=True, exist_ok=True)
    return path


def archive(tag: str, fingerprint: str) -> Path:
    """Return where the image of that tag and fingerprint is kept, whether it exists yet or not."""
    return folder() / f"{slug(tag)}.{fingerprint}.tar"


def log(tag: str) -> Path:
    """Return the file that the output of a tag's latest build goes to."""
    return folder() / "log" / f"{slug(tag)}.log"


def finished() -> list[Path]:
    """Return all archives, those used last first."""
    return sorted(folder().glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)


def remove_old(kept_per_name: int = _KEPT_PER_NAME) -> list[Path]:
    """Remove all but the latest archives of each image, whatever their versions, and return those removed."""
    seen: dict[str, int] = {}
    removed = []
    for path in finished():
        name = path.name.partition("+")[0]
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > kept_per_name:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def locked(waiting: Callable[[], None]) -> AbstractContextManager[None]:
    """Let one process at a time use the builder; `waiting` is called once when another one has it."""
    return locking.locked(folder() / ".lock", waiting)
