"""Where an artifact is written to: a folder of an object store or of a mounted claim."""

from collections.abc import AsyncIterable, Sequence
from typing import Final, Protocol

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.folder_target import FolderTarget
from trainingjob.sidecar.object_target import ObjectTarget
from trainingjob.sidecar.stores import open_location

_FOLDER: Final = "file://"
_REQUEST_SECONDS: Final = 120
"""How long a part of a file may take: longer than any line needs, and not too long when a store hangs."""


class Target(Protocol):
    """An artifact's folder; paths are relative to it. Every method raises RefusedError or UnavailableError."""

    @property
    def uri(self) -> str:
        """Return the folder's address, without a `/` at its end."""

    async def put(self, path: str, size: int, blocks: AsyncIterable[bytes]) -> None:
        """Write a file of so many bytes; it is there as a whole, or not at all."""

    async def create(self, path: str, content: bytes) -> bool:
        """Write a small file unless there is one already; say whether it is there with this content now.

        It is there only after everything that was put before.
        """

    async def read(self, path: str) -> bytes | None:
        """Return what a small file holds, or None when there is none."""

    async def delete(self, paths: Sequence[str]) -> None:
        """Remove files; it is no error when one is not there."""


def open_target(uri: str, credentials: str, retry_seconds: float) -> Target:
    """Open the folder that a URI names; nothing is asked of a server yet.

    Raises:
        RefusedError: when the URI or the credentials cannot be right.
    """
    if uri.startswith(_FOLDER):
        return FolderTarget(uri)
    if uri.startswith(("http://", "https://")):
        raise RefusedError(f"An artifact cannot be kept at {uri}: give s3://, gs:// or az://, or a claim.")
    location = open_location(uri, credentials, retry_seconds=retry_seconds, request_seconds=_REQUEST_SECONDS)
    return ObjectTarget(location)
