"""Write an artifact into an object store."""

from collections.abc import AsyncIterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final

from obstore.exceptions import AlreadyExistsError, PreconditionError

from trainingjob.sidecar.azure_names import is_fit
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.store_errors import MissingError, UnsupportedError, store_errors
from trainingjob.sidecar.stores import Location

_SINGLE: Final = 5 * 2**20
"""Bytes up to which a file is one request; a part of a larger one has at least as many."""
_PART: Final = 8 * 2**20
_PARTS: Final = 9000
"""S3 takes up to 10,000 parts of a file."""
_IN_FLIGHT: Final = 24 * 2**20
"""Bytes of one file that are on their way at the same time."""


class ObjectTarget:
    """A folder of an object store."""

    def __init__(self, location: Location) -> None:
        """Write below a location."""
        self.uri = location.uri.rstrip("/")
        self._at = location.at
        self._store = location.store

    async def put(self, path: str, size: int, blocks: AsyncIterable[bytes]) -> None:
        """Write a file; a large one goes in parts, of which few are in memory."""
        if self.uri.startswith("az://") and not is_fit(path):
            why = r"Azure takes no name with `\` in it or with `.` at the end of a part."
            raise RefusedError(f"Could not write {self.uri}/{path}: {why}")
        with self._errors("write", path):
            if size <= _SINGLE:
                content = b"".join([block async for block in blocks])
                await self._store.put_async(self._at(path), content, use_multipart=False)
                return
            part = max(_PART, size // _PARTS + 1)
            await self._store.put_async(
                self._at(path),
                aiter(blocks),
                use_multipart=True,
                chunk_size=part,
                max_concurrency=max(1, _IN_FLIGHT // part),
            )

    async def create(self, path: str, content: bytes) -> bool:
        """Write a small file unless there is one; where the store cannot say so, look first."""
        found = await self._peek(path)
        if found is not None:
            return found == content
        try:
            with self._errors("write", path):
                await self._store.put_async(self._at(path), content, mode="create")
        except (AlreadyExistsError, PreconditionError):
            # An answer may have been lost, and the library then asked again: it may be what we have written.
            return await self._peek(path) == content
        except UnsupportedError:
            with self._errors("write", path):
                await self._store.put_async(self._at(path), content, use_multipart=False)
        return True

    async def read(self, path: str) -> bytes | None:
        """Return what a small file holds, or None when there is none."""
        try:
            with self._errors("read", path):
                answer = await self._store.get_async(self._at(path))
                return bytes(await answer.bytes_async())
        except MissingError:
            return None

    async def delete(self, paths: Sequence[str]) -> None:
        """Remove files."""
        for path in paths:
            with suppress(MissingError), self._errors("delete", path):
                await self._store.delete_async(self._at(path))

    async def _peek(self, path: str) -> bytes | None:
        # Some credentials may only write; a store that hides what it has is asked by the conditional request alone.
        with suppress(RefusedError):
            return await self.read(path)
        return None

    def _errors(self, verb: str, path: str) -> AbstractContextManager[None]:
        return store_errors(f"{verb} {self.uri}/{path}")
