"""Read objects of a store."""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import PreconditionError

from trainingjob.sidecar.remote import ChangedError, Wanted, stamp
from trainingjob.sidecar.store_errors import MissingError, store_errors
from trainingjob.sidecar.stores import Location

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

_CHUNK: Final = 1 << 20


class Objects:
    """Objects of a store."""

    def __init__(self, location: Location) -> None:
        """Read what a location names."""
        self.uri = location.uri
        self._location = location
        self._store = location.store

    def children(self) -> tuple[list[str], list[str]]:
        """Return the names of folders and objects directly below the key."""
        with store_errors(f"list {self.uri}"):
            found = obstore.list_with_delimiter(self._store, self._location.key or None)
        folders = [posixpath.basename(path) for path in found["common_prefixes"]]
        return folders, [posixpath.basename(meta["path"]) for meta in found["objects"]]

    def find(self) -> list[Wanted]:
        """Return the object of that key, else those below it; a key with `/` at its end is always a folder.

        Those below it may be more than a folder can hold: an object, and others below that.
        """
        if not self._location.folder and self._location.key:
            try:
                with store_errors(f"read {self.uri}"):
                    found = obstore.head(self._store, self._location.key)
                return [_wanted(found, posixpath.basename(found["path"]))]
            except MissingError:
                pass
        return self._below()

    def read(self, wanted: Wanted, start: int, end: int | None) -> Iterator[bytes]:
        """Yield bytes of an object that has not changed since it was found."""
        options: GetOptions = {"range": {"offset": start} if end is None else (start, end)}
        if wanted.version:
            options["if_match"] = wanted.version
        with self._unchanged(wanted), store_errors(f"read {self._shown(wanted)}"):
            if end is None or end > start:
                for chunk in obstore.get(self._store, wanted.key, options=options).stream(min_chunk_size=_CHUNK):
                    yield bytes(chunk)

    def _below(self) -> list[Wanted]:
        prefix = self._location.key
        with store_errors(f"list {self.uri}"):
            found = [meta for page in obstore.list(self._store, prefix or None) for meta in page]
        below = f"{prefix}/" if prefix else ""
        wanted = [_wanted(meta, meta["path"].removeprefix(below)) for meta in found if meta["path"].startswith(below)]
        return sorted(wanted, key=lambda file: file.path)

    def _shown(self, wanted: Wanted) -> str:
        bucket = self.uri.split("/")[:3]
        return "/".join([*bucket, wanted.key])

    @contextmanager
    def _unchanged(self, wanted: Wanted) -> Iterator[None]:
        try:
            yield
        except PreconditionError:
            raise ChangedError(f"{self._shown(wanted)} was changed while it was read.") from None


def _wanted(meta: "ObjectMeta", path: str) -> Wanted:
    version = _quoted(meta["e_tag"] or "")
    moment = stamp(meta["last_modified"].timestamp(), version)
    return Wanted(path, meta["path"], meta["size"], version, moment)


def _quoted(tag: str) -> str:
    """Return an entity tag as conditions have it: Azure's lists leave out the quotes."""
    return f'"{tag}"' if tag and not tag.endswith('"') else tag
