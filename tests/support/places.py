"""Arenas side by side: most of a run is waiting."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from devtools.cluster import Cluster
from tests.support.arena import Arena, arena
from tests.support.operator_forks import forks
from tests.support.user import User

T = TypeVar("T")
R = TypeVar("R")


class Places:
    """Arenas of which each is used by one thread at a time."""

    def __init__(self, arenas: Sequence[Arena]) -> None:
        self._free: SimpleQueue[Arena] = SimpleQueue()
        for found in arenas:
            self._free.put(found)
        self._pool = ThreadPoolExecutor(len(arenas))

    def begin(self, work: Callable[[Arena, T], R], thing: T) -> Future[R]:
        """Begin to do some work in an arena of its own."""

        def do() -> R:
            place = self._free.get()
            try:
                return work(place, thing)
            finally:
                place.clear()
                self._free.put(place)

        return self._pool.submit(do)

    def map(self, work: Callable[[Arena, T], R], things: Sequence[T]) -> list[R]:
        """Do some work for every thing, each in an arena of its own, and return the results in their order."""
        return [begun.result() for begun in [self.begin(work, thing) for thing in things]]


@contextmanager
def places(
    cluster: Cluster,
    folder: Path,
    users: Callable[[], AbstractContextManager[User]],
    count: int,
    *,
    impatient: bool = False,
) -> Iterator[Places]:
    """Return so many arenas, each with a namespace, a kubelet, a witness and operators of its own."""
    with ExitStack() as stack:
        starter = stack.enter_context(forks())
        yield Places(
            [
                stack.enter_context(
                    arena(cluster, stack.enter_context(users()), folder / str(n), starter, impatient=impatient)
                )
                for n in range(count)
            ]
        )
