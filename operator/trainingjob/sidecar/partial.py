"""A file that arrives in parts, and a journal of the parts that are there."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from trainingjob.sidecar.remote import Wanted


class PartialFile:
    """A file under a name of its own until it is whole; its parts may be written by several threads."""

    def __init__(self, wanted: Wanted, state: Path, part: int) -> None:
        """Open what is there of a file in the folder `state`, or begin it, in parts of `part` bytes."""
        self.wanted = wanted
        name = hashlib.sha256(wanted.path.encode(errors="surrogateescape")).hexdigest()[:32]
        self.path = state / f"{name}.part"
        self._journal_path = state / f"{name}.parts"
        whole = wanted.size is None or not wanted.parts or wanted.size <= part
        self._bounds = [(0, wanted.size)] if whole else _split(wanted.size or 0, part)
        self._lock = threading.Lock()
        self._done = self._resume() if len(self._bounds) > 1 else set()
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (0 if self._done else os.O_TRUNC)
        self._file = os.open(self.path, flags, 0o666)

    @property
    def present(self) -> int:
        """Return how many bytes were there from the beginning."""
        return sum((self._bounds[number][1] or 0) - self._bounds[number][0] for number in self._done)

    def missing(self) -> Iterator[int]:
        """Yield the numbers of the parts to bring; of a file that lacks nothing but its name it is the last one."""
        absent = [number for number in range(len(self._bounds)) if number not in self._done]
        yield from absent or [len(self._bounds) - 1]

    def bounds(self, number: int) -> tuple[int, int | None]:
        """Return where a part begins and ends."""
        return self._bounds[number]

    def write(self, chunk: bytes, position: int) -> None:
        """Write bytes at a position."""
        view = memoryview(chunk)
        while view:
            written = os.pwrite(self._file, view, position)
            view, position = view[written:], position + written

    def finish(self, number: int) -> bool:
        """Note that a part is there; return whether the file is whole now."""
        with self._lock:
            self._done.add(number)
            if len(self._bounds) > 1:
                with self._journal_path.open("a") as journal:
                    journal.write(f"{number}\n")
            return len(self._done) == len(self._bounds)

    def discard(self) -> None:
        """Remove what is there."""
        os.close(self._file)
        self._journal_path.unlink(missing_ok=True)
        self.path.unlink()

    def move(self, place: Path) -> None:
        """Give the file its name and the time by which it is known again."""
        os.close(self._file)
        if self.wanted.stamp:
            os.utime(self.path, ns=(self.wanted.stamp, self.wanted.stamp))
        self.path.replace(place)
        self._journal_path.unlink(missing_ok=True)

    def _resume(self) -> set[int]:
        """Return the parts that an earlier run has brought of the same content."""
        head = json.dumps([self.wanted.size, self.wanted.version, self.wanted.stamp, len(self._bounds)])
        done: set[int] = set()
        if self._journal_path.exists() and self.path.exists():
            lines = self._journal_path.read_text().split("\n")
            if lines[0] == head and (self.wanted.version or self.wanted.stamp):
                done = {int(line) for line in lines[1:-1]}  # the last line is empty, or half a number
        self._journal_path.write_text("".join(f"{line}\n" for line in (head, *sorted(done))))
        return done


def _split(size: int, part: int) -> list[tuple[int, int | None]]:
    return [(start, min(start + part, size)) for start in range(0, size, part)]
