"""Read files from where they are: what stores, claims and HTTP servers have in common."""

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from trainingjob.sidecar.errors import UnavailableError

_PAUSES: Final = (0.5, 1, 2, 4, 8, 16)
"""Seconds before what was interrupted goes on; they begin anew with each byte that arrives."""


class ChangedError(UnavailableError):
    """A file was changed between its being found and its being read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to read."""

    path: str
    """Relative to the folder in which it is wanted."""
    key: str
    """Its name for the remote."""
    size: int | None
    """In bytes; None when the server does not tell."""
    version: str = ""
    """What changes when the content changes, as far as the remote tells: an entity tag."""
    stamp: int = 0
    """The time of the last change in ns since 1970, the part of a second being made from the version; 0 for unknown."""
    sha256: str = ""
    parts: bool = True
    """Whether it can be read from any position on."""
    link: str = ""
    """Where it leads, when it is a symbolic link."""


class Remote(Protocol):
    """Where files are read; every method raises RefusedError or UnavailableError."""

    @property
    def uri(self) -> str:
        """Return the address as it may be shown."""

    def children(self) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files directly below the address; none when nothing is there."""

    def find(self) -> list[Wanted]:
        """Return the file that the address names, or all files below it, sorted by path."""

    def read(self, wanted: Wanted, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes of a file from `start` up to `end`, None for its own end."""


def stamp(seconds: float, version: str) -> int:
    """Return a file's time that differs for different versions, and within a second of the real one."""
    return int(seconds) * 10**9 + zlib.crc32(version.encode()) % 10**9


def read_steadily(
    remote: Remote, wanted: Wanted, start: int, end: int | None, *, sleep: Callable[[float], object] = time.sleep
) -> Iterator[tuple[int, bytes]]:
    """Yield bytes of a file with their positions, and go on after interruptions.

    A file that cannot be read from any position on begins anew then: the position is `start` again.

    Raises:
        RefusedError: what the remote refuses.
        ChangedError: the file is not the one that was found any more.
        UnavailableError: after many interruptions in a row.
    """
    position, pauses = start, iter(_PAUSES)
    while True:
        try:
            for chunk in remote.read(wanted, position, end):
                yield position, chunk
                position += len(chunk)
                pauses = iter(_PAUSES)
            return
        except ChangedError:
            raise
        except UnavailableError:
            pause = next(pauses, None)
            if pause is None:
                raise
            sleep(pause)
            position = position if wanted.parts else start
