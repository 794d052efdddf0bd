"""Artifacts' folders for tests: in memory, and failing when a test says so."""

from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field

from obstore.store import MemoryStore

from trainingjob.sidecar.errors import UnavailableError
from trainingjob.sidecar.object_target import ObjectTarget
from trainingjob.sidecar.stores import Location
from trainingjob.sidecar.targets import Target


class MemoryTarget(ObjectTarget):
    """A folder of a store in memory, whose bucket is called `memory`."""

    def __init__(self, store: MemoryStore, uri: str) -> None:
        super().__init__(Location(uri, store, uri.removeprefix("s3://memory/"), folder=False))


@dataclass
class Faults:
    """What becomes of the next requests: each fails before it is done, fails after it, or succeeds."""

    planned: list[str] = field(default_factory=list)
    """`before`, `after` or `none` for each of the next requests; the ones behind it succeed."""

    def take(self) -> str:
        """Return what becomes of the next request."""
        return self.planned.pop(0) if self.planned else "none"


@dataclass
class FaultyTarget:
    """A target of which some requests find no server, or get no answer."""

    inner: Target
    faults: Faults

    @property
    def uri(self) -> str:
        return self.inner.uri

    async def put(self, path: str, size: int, blocks: AsyncIterable[bytes]) -> None:
        fault = self._begin()
        await self.inner.put(path, size, blocks)
        self._end(fault)

    async def create(self, path: str, content: bytes) -> bool:
        fault = self._begin()
        done = await self.inner.create(path, content)
        self._end(fault)
        return done

    async def read(self, path: str) -> bytes | None:
        return await self.inner.read(path)

    async def delete(self, paths: Sequence[str]) -> None:
        self._begin()
        await self.inner.delete(paths)

    def _begin(self) -> str:
        fault = self.faults.take()
        if fault == "before":
            raise UnavailableError("There is no connection to the store.")
        return fault

    def _end(self, fault: str) -> None:
        if fault == "after":
            raise UnavailableError("The store does not answer in time.")


def opening(store: MemoryStore, faults: Faults) -> Callable[[str], Target]:
    """Return what opens folders of a store in memory."""
    return lambda uri: FaultyTarget(MemoryTarget(store, uri), faults)
