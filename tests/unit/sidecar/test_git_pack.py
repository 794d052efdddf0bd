"""Packs are looked through without being believed."""

import io
import os
import random
import zlib
from collections.abc import Iterable

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob
from dulwich.pack import create_delta, write_pack_objects

from trainingjob.sidecar.git_pack import TooLargeError, check_pack

SHA = b"\x11" * 20


def pack_of(entries: Iterable[tuple[int, int, bytes, bytes]]) -> bytes:
    """Return a pack of entries: kind, the size that it says, its base, content."""
    listed = list(entries)
    made = b"PACK" + (2).to_bytes(4, "big") + len(listed).to_bytes(4, "big")
    for kind, size, base, content in listed:
        made += head(kind, size) + base + zlib.compress(content)
    return made + bytes(20)


def head(kind: int, size: int) -> bytes:
    """Return what stands before an object."""
    made, size = [kind << 4 | size & 15], size >> 4
    while size:
        made[-1] |= 0x80
        made.append(size & 0x7F)
        size >>= 7
    return bytes(made)


def number(value: int) -> bytes:
    """Return a number as a difference begins with it."""
    made = []
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def test_pack_of_a_real_writer_is_read_to_its_end() -> None:
    blobs = [Blob.from_string(os.urandom(size)) for size in (0, 1, 100, 20_000, 300_000)]
    pack = io.BytesIO()
    write_pack_objects(pack, [(blob, None) for blob in blobs], object_format=DEFAULT_OBJECT_FORMAT)
    pack.seek(0)
    check_pack(pack, 300_000)
    pack.seek(0)
    with pytest.raises(TooLargeError):
        check_pack(pack, 299_999)


@pytest.mark.parametrize(("kind", "base"), [(6, b"\x81\x22"), (7, SHA)])
def test_difference_counts_with_what_it_makes(kind: int, base: bytes) -> None:
    old, new = bytes(1000), bytes(1000) + b"x"
    delta = b"".join(create_delta(old, new))
    pack = pack_of([(3, 1000, b"", old), (kind, len(delta), base, delta)])
    check_pack(io.BytesIO(pack), 1001)
    with pytest.raises(TooLargeError):
        check_pack(io.BytesIO(pack), 1000)


def test_difference_that_makes_very_much_of_very_little_is_too_large() -> None:
    delta = number(10) + number(10**12) + b"\x90\x0a"
    with pytest.raises(TooLargeError):
        check_pack(io.BytesIO(pack_of([(7, len(delta), SHA, delta)])), 10**6)


def test_object_that_is_larger_than_it_says_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than it says"):
        check_pack(io.BytesIO(pack_of([(3, 10, b"", bytes(10**7))])), 1000)


def test_changed_packs_end_in_the_errors_that_are_told() -> None:
    delta = b"".join(create_delta(bytes(1000), bytes(999)))
    good = pack_of([(3, 1000, b"", bytes(1000)), (7, len(delta), SHA, delta), (3, 50, b"", os.urandom(50))])
    chance, refused = random.Random(1), 0
    for _ in range(3000):
        data = bytearray(good[: chance.randint(1, len(good))])
        data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            check_pack(io.BytesIO(bytes(data)), 2000)
        except (ValueError, TooLargeError, zlib.error):
            refused += 1
    assert refused > 1000
