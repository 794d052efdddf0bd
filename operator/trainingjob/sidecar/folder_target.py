"""Write an artifact into a folder of a mounted claim: what is there has reached the disk, and is there as a whole."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from trainingjob.sidecar.errors import RefusedError, UnavailableError

_PARTS: Final = ".trainingjob-parts"
"""The folder for files that are being written; they are renamed to where they belong."""
_LASTING: Final = {
    errno.ENOSPC: "the volume is full",
    errno.EDQUOT: "the volume's quota is used up",
    errno.EROFS: "the volume is read-only",
    errno.EACCES: "the volume does not allow it",
    errno.EPERM: "the volume does not allow it",
    errno.ENAMETOOLONG: "the name is too long for the volume",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
}
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a file system answers that has no hard links."""


class FolderTarget:
    """A folder of a file system."""

    def __init__(self, uri: str) -> None:
        """Write below the folder of a `file://` URI, whose path stands as it is, without escapes."""
        self.uri = uri.rstrip("/")
        self._folder = Path("/") / self.uri.removeprefix("file://").lstrip("/")
        self._written: set[Path] = set()
        """Folders whose entries may not have reached the disk."""
        self._clean = False

    async def put(self, path: str, size: int, blocks: AsyncIterable[bytes]) -> None:  # noqa: ARG002 (objects need it)
        """Write a file of so many bytes under another name, bring it to the disk and rename it."""
        with self._errors(path):
            if not self._clean:
                # What a sidecar left that was killed: nobody else writes here once the folder is claimed.
                await asyncio.to_thread(shutil.rmtree, self._folder / _PARTS, ignore_errors=True)
                self._clean = True
            part = await asyncio.to_thread(self._begin, path)
            try:
                with part.open("wb", buffering=0) as file:
                    async for block in blocks:
                        await asyncio.to_thread(_write, file.fileno(), block)
                    await asyncio.to_thread(os.fsync, file.fileno())
                await asyncio.to_thread(_rename, part, self._folder / path)
            finally:
                part.unlink(missing_ok=True)

    async def create(self, path: str, content: bytes) -> bool:
        """Write a small file unless there is one, after everything before it has reached the disk."""
        with self._errors(path):
            return await asyncio.to_thread(self._create, path, content)

    async def read(self, path: str) -> bytes | None:
        """Return what a small file holds, or None when there is none."""
        with self._errors(path):
            return await asyncio.to_thread(self._read, path)

    async def delete(self, paths: Sequence[str]) -> None:
        """Remove files."""
        for path in paths:
            with self._errors(path):
                (self._folder / path).unlink(missing_ok=True)

    def _begin(self, path: str) -> Path:
        """Make the folders of a file and return the name under which it is written."""
        final = self._folder / path
        for folder in final.relative_to(self._folder).parents:
            if (self._folder / folder).is_file():
                # The program has made a folder where it had a file.
                (self._folder / folder).unlink()
        missing = [folder for folder in (final.parent, *final.parent.parents) if not folder.exists()]
        final.parent.mkdir(parents=True, exist_ok=True)
        self._written.update(folder.parent for folder in missing)
        self._written.add(final.parent)
        (self._folder / _PARTS).mkdir(exist_ok=True)
        return self._folder / _PARTS / uuid4().hex

    def _create(self, path: str, content: bytes) -> bool:
        final = self._folder / path
        part = self._begin(path)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._settle()
            _link(part, final, content)
        except FileExistsError:
            return self._read(path) == content
        finally:
            part.unlink(missing_ok=True)
        self._written.add(final.parent)
        self._settle()
        return True

    def _settle(self) -> None:
        """Bring the names of what was written to the disk."""
        for folder in self._written:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # Some network file systems refuse to do this for folders.
                with suppress(OSError):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._written.clear()
        with suppress(OSError):
            (self._folder / _PARTS).rmdir()

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"Could not write {self.uri}/{path}"
            if error.errno in _LASTING:
                raise RefusedError(f"{what}: {_LASTING[error.errno]}.") from None
            raise UnavailableError(f"{what}: {error.strerror}.") from None


def _rename(part: Path, final: Path) -> None:
    if final.is_dir():
        # The program has written a file where it had a folder.
        shutil.rmtree(final)
    part.replace(final)


def _write(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _link(part: Path, final: Path, content: bytes) -> None:
    """Give a finished file its name unless something has it."""
    try:
        os.link(part, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Not as a whole, but nobody else writes here, and who reads it finds JSON that has no end.
        with final.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
