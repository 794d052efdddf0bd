"""A folder with copies of files of a store; those that grow there grow here, and are never replaced."""

import os
from collections.abc import Set
from pathlib import Path
from typing import Final

from trainingjob.sidecar.download import remove_below
from trainingjob.sidecar.event_files import EventFile
from trainingjob.sidecar.remote import ChangedError

_OVERLAP: Final = 64 * 1024
"""How many bytes are read again before those that are new: another file of the same name has others there."""
_NEW: Final = ".trainingjob-new"


class LocalCopy:
    """The copies below one folder, which nobody else writes to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[str, int | None]] = {}
        """Path → version and size in the store of what is here."""

    def sizes(self) -> dict[str, int]:
        """Return what is here: path → bytes."""
        places = (Path(folder) / name for folder, _, names in os.walk(self._folder) for name in names)
        return {str(place.relative_to(self._folder)): place.lstat().st_size for place in places}

    def keep(self, paths: Set[str]) -> None:
        """Remove all other files, and folders that are empty then.

        Raises:
            OSError: when one cannot be removed.
        """
        self._known = {path: stamp for path, stamp in self._known.items() if path in paths}
        remove_below(self._folder, paths)

    def take(self, file: EventFile, spare: int) -> int:
        """Bring a file up to date and return how many bytes were new.

        Args:
            file: what the store has.
            spare: how many bytes there may be for a moment beyond those of the file.

        Raises:
            ChangedError: when it was changed meanwhile; what has arrived of it stays.
            RefusedError: when the store does not give it.
            UnavailableError: when the store does not answer.
            OSError: when it cannot be written.
        """
        stamp = file.wanted.version or str(file.wanted.stamp), file.wanted.size
        if self._known.get(file.path) == stamp:
            return 0
        place = self._folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        # One that is empty as well: TensorBoard may have it open already.
        here = place.stat().st_size if place.exists() else None
        if file.grows and here is not None and here <= (file.wanted.size or 0) and self._same_so_far(file, place, here):
            new = _write(file, place, here, "ab")
        else:
            if here is not None and here > spare:
                place.unlink()
            new = _replace(file, place)
        self._known[file.path] = stamp
        return new

    def _same_so_far(self, file: EventFile, place: Path, here: int) -> bool:
        """Say whether the last bytes of a copy stand at the same place in the store."""
        start = max(0, here - _OVERLAP)
        with place.open("rb") as copy:
            copy.seek(start)
            last = copy.read(here - start)
        return b"".join(file.remote.read(file.wanted, start, here)) == last


def _replace(file: EventFile, place: Path) -> int:
    """Write a file under another name and give it its own when it is whole."""
    partial = place.with_name(_NEW)
    try:
        new = _write(file, partial, 0, "wb")
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    return new


def _write(file: EventFile, place: Path, start: int, mode: str) -> int:
    size = file.wanted.size
    new = 0
    with place.open(mode) as copy:
        for chunk in file.remote.read(file.wanted, start, size):
            copy.write(chunk)
            new += len(chunk)
    if size is not None and start + new != size:
        raise ChangedError(f"{file.path} ended after {start + new} of {size} bytes.")
    return new
