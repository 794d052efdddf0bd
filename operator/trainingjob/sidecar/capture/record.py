"""The copy of what a program prints. Nothing that goes wrong with it reaches the program."""

import os
import stat
import time
from contextlib import suppress
from typing import Optional

SEGMENT_BYTES = 64 * 1024 * 1024
"""How long a file gets before the next one is begun: a store takes only whole files, and each growth costs it one."""
KEPT_SEGMENTS = 16
"""How many files stay on the node's disk: the first one and the newest."""
_PAUSE_SECONDS = 1.0
"""How often a file that cannot be written is tried again, and how often it is looked for in its place."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Record:
    """Files that hold what was printed, the first of them under the name that is asked for."""

    def __init__(self, path: str) -> None:
        """Keep what is written at a path, which need not be there."""
        self._base, self._number = path, 1
        self._file: Optional[int] = None
        self._size = 0
        self._looked = 0.0
        self._missing, self._why = 0, ""

    def write(self, data: bytes) -> None:
        """Append to the copy; what cannot be written is counted, and told as soon as something can."""
        if not data and not self._missing:
            return
        now = time.monotonic()
        pause = now - self._looked < _PAUSE_SECONDS
        if self._missing and pause:
            self._missing += len(data)
            return
        rest = memoryview(data)
        try:
            if not pause:
                self._looked = now
                self._look()
            if self._missing:
                self._tell()
            while rest:
                rest = rest[self._append(rest) :]
        except OSError as error:
            self._missing += len(rest)
            self._why = error.strerror or str(error)
            self._shut()

    def close(self) -> None:
        """End the copy."""
        if self._missing:
            self._looked = 0.0
            self.write(b"")
        self._shut()

    def _append(self, data: memoryview) -> int:
        if self._file is not None and self._size >= SEGMENT_BYTES:
            self._begin_next()
        if self._file is None:
            self._open()
        written = os.write(self._file or 0, data[: SEGMENT_BYTES - self._size])
        self._size += written
        return written

    def _tell(self) -> None:
        missing, self._missing = self._missing, 0
        text = memoryview(f"\n[trainingjob: {missing} bytes are missing here: {self._why}]\n".encode())
        try:
            while text:
                text = text[self._append(text) :]
        except OSError:
            self._missing = missing
            raise

    def _look(self) -> None:
        """Let go of a file that is not in its place any more: the program has removed it, or its folder."""
        if self._file is None:
            return
        ours = os.fstat(self._file)
        try:
            there = os.lstat(_path(self._base, self._number))
        except FileNotFoundError:
            self._shut()
            return
        if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            self._shut()

    def _open(self) -> None:
        path = _path(self._base, self._number)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        file = os.open(path, _FLAGS, 0o666)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            os.close(file)
            raise OSError(0, "it is no file")
        self._file, self._size = file, found.st_size

    def _begin_next(self) -> None:
        self._shut()
        self._number += 1
        oldest = self._number - KEPT_SEGMENTS + 1
        if oldest > 1:
            with suppress(FileNotFoundError):
                os.unlink(_path(self._base, oldest))  # noqa: PTH108

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _path(base: str, number: int) -> str:
    root, end = os.path.splitext(base)  # noqa: PTH122
    return base if number == 1 else f"{root}-{number}{end}"
