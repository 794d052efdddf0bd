"""Send one file to the artifact's folder, hash it on the way and see that it has not changed meanwhile."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingjob.sidecar.scan import Found, Stamp, open_beneath, stamp_of
from trainingjob.sidecar.targets import Target

_BLOCK: Final = 2**20


class ChangedError(Exception):
    """The file was not the same at the end as at the beginning."""


class UnreadableError(Exception):
    """The file cannot be read; the text is the system's."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it is in the store."""

    stamp: Stamp
    digest: bytes
    growing: bool
    """Whether the program still wrote to it: what is in the store are its first bytes."""


async def send(target: Target, workspace: Path, found: Found, *, growing: bool) -> Sent:
    """Send a file as it is now.

    Args:
        target: where to.
        workspace: the folder to which the file's path is relative.
        found: the file as the last scan saw it.
        growing: whether it is one that has grown from scan to scan, of which the bytes up to now are wanted.

    Raises:
        ChangedError: when it is another one than was found, or changed in another way than by growing.
        FileNotFoundError: when it is not there any more.
        UnreadableError: when it cannot be read.
        RefusedError: when the store does not take it.
        UnavailableError: when the store does not answer.
    """
    descriptor = await asyncio.to_thread(_open, workspace, found)
    try:
        stamp = stamp_of(os.fstat(descriptor))
        if stamp != found.stamp and not (growing and _is_longer(stamp, found.stamp)):
            raise ChangedError
        sha256 = hashlib.sha256()
        await target.put(found.path, stamp.size, _blocks(descriptor, stamp.size, sha256))
        digest, after = sha256.digest(), stamp_of(os.fstat(descriptor))
        if after != stamp:
            await _confirm_prefix(descriptor, stamp, after, digest)
            growing = True
        return Sent(stamp, digest, growing)
    finally:
        os.close(descriptor)


def _open(workspace: Path, found: Found) -> int:
    try:
        return open_beneath(workspace, found.source)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(error.strerror) from None


async def _blocks(descriptor: int, size: int, sha256: "hashlib._Hash") -> AsyncIterator[bytes]:
    """Yield the first bytes of a file, block by block, and hash them."""
    offset = 0
    while offset < size:
        block = await asyncio.to_thread(_read, descriptor, min(_BLOCK, size - offset), offset, sha256)
        offset += len(block)
        yield block


def _read(descriptor: int, length: int, offset: int, sha256: "hashlib._Hash") -> bytes:
    try:
        block = os.pread(descriptor, length, offset)
    except OSError as error:
        raise UnreadableError(error.strerror) from None
    if not block:
        raise ChangedError
    sha256.update(block)
    return block


def _is_longer(stamp: Stamp, before: Stamp) -> bool:
    return stamp.inode == before.inode and stamp.size >= before.size


async def _confirm_prefix(descriptor: int, stamp: Stamp, after: Stamp, digest: bytes) -> None:
    """Let a file pass that was only appended to: a log, or events."""
    if not _is_longer(after, stamp):
        raise ChangedError
    again = hashlib.sha256()
    async for _ in _blocks(descriptor, stamp.size, again):
        pass
    if again.digest() != digest:
        raise ChangedError
