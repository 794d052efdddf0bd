"""Look through a pack of git objects before the library reads it: that holds each object in memory, whatever its size.

The format is git's own: a header, then for each object its kind and size, for a difference its base, and compressed
bytes; the bytes of a difference begin with the sizes of its base and of its result.
"""

import zlib
from typing import IO, Final

_READ: Final = 1 << 14
_CHUNK: Final = 1 << 18
_HEADER: Final = 12
_DIGEST: Final = 20
_OFFSET_DELTA: Final = 6
_NAMED_DELTA: Final = 7


class TooLargeError(Exception):
    """An object has more bytes than were allowed."""


def check_pack(pack: IO[bytes], most: int) -> None:
    """Read a pack from its beginning.

    Raises:
        TooLargeError: an object, or what a difference makes, has more than `most` bytes.
        ValueError: it is no pack, or is cut off.
    """
    reader = _Reader(pack)
    header = bytes(reader.byte() for _ in range(_HEADER))
    if not header.startswith(b"PACK"):
        raise ValueError("no pack")
    for _ in range(int.from_bytes(header[8:])):
        kind, size = _kind_and_size(reader)
        if size > most:
            raise TooLargeError
        if kind == _OFFSET_DELTA:
            while reader.byte() & 0x80:
                pass
        elif kind == _NAMED_DELTA:
            for _ in range(_DIGEST):
                reader.byte()
        start = reader.inflate(size)
        if kind in (_OFFSET_DELTA, _NAMED_DELTA) and _result_size(start) > most:
            raise TooLargeError


def _kind_and_size(reader: "_Reader") -> tuple[int, int]:
    byte = reader.byte()
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 0x80:
        byte = reader.byte()
        size |= (byte & 0x7F) << shift
        shift += 7
    return kind, size


def _result_size(delta: bytes) -> int:
    """Return the second of the two numbers with which a difference begins."""
    sizes, shift = [0], 0
    for byte in delta:
        sizes[-1] |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if len(sizes) == 2:
                return sizes[1]
            sizes.append(0)
            shift = 0
    raise ValueError("a difference is cut off")


class _Reader:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._buffer = b""
        self._at = 0

    def byte(self) -> int:
        """Return the next byte."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._more(), 0
        self._at += 1
        return self._buffer[self._at - 1]

    def inflate(self, size: int) -> bytes:
        """Pass over compressed bytes that stand for exactly `size` ones, and return the first of these."""
        stream, left = zlib.decompressobj(), self._buffer[self._at :]
        start, total = b"", 0
        while not stream.eof:
            out = stream.decompress(left or self._more(), _CHUNK)
            left = stream.unconsumed_tail
            start = start or out
            total += len(out)
            if total > size:
                raise ValueError("an object is larger than it says")
        self._buffer, self._at = stream.unused_data, 0
        return start

    def _more(self) -> bytes:
        data = self._file.read(_READ)
        if not data:
            raise ValueError("the pack is cut off")
        return data
