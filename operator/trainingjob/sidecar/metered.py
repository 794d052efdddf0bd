"""Files that give a library no more than it may have: Python's readers of archives trust the sizes in headers."""

import io
from typing import IO, Final

_CHUNK: Final = 1 << 18


class ExceededError(Exception):
    """More was read than was allowed."""


class Metered(io.RawIOBase):
    """A file of which only so many bytes may be read until more are allowed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._allowed = 0

    def allow(self, size: int) -> None:
        """Let this many bytes be read from here on."""
        self._allowed = size

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it has positions."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, and raise ExceededError for one more than was allowed."""
        most = self._allowed + 1
        data = self._file.read(most if size < 0 else min(size, most))
        self._allowed -= len(data)
        if self._allowed < 0:
            raise ExceededError
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position and return it."""
        if whence == io.SEEK_SET and offset < 0:
            raise ValueError("a position lies before the beginning")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()


class Forward(Metered):
    """The same for a file that is read once, from its beginning to its end, and has an end: decompressed data."""

    def __init__(self, file: IO[bytes], *, most: int) -> None:
        super().__init__(file)
        self._most = most
        self._position = 0
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, and raise ExceededError beyond what was allowed and what the whole may have."""
        try:
            self._last = super().read(size)
        except OSError as error:
            if error.errno is None:  # not the system's: this is how bz2 says that its data are damaged
                raise ValueError(str(error)) from error
            raise
        self._position += len(self._last)
        if self._position > self._most:
            raise ExceededError
        return self._last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on to a position that was not passed yet."""
        if whence != io.SEEK_SET or offset < self._position:
            raise ValueError("members overlap")
        while self._position < offset:
            self.allow(_CHUNK)
            if not self.read(min(_CHUNK, offset - self._position)):
                break
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def finish(self) -> None:
        """Read what is left, so that the check sums at the end count; what was read last has to be zeros."""
        if self._last.strip(b"\0"):
            raise ValueError("no valid header")
        while self._last:
            self.allow(_CHUNK)
            self.read(_CHUNK)
