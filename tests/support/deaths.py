"""Runs in which the operator dies at one write, many of them side by side: most of a run is waiting."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from devtools.cluster import Cluster
from tests.support.arena import Arena, Outcome, arena
from tests.support.operator_forks import forks
from tests.support.stories import Story
from tests.support.user import User

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Death:
    """At which write of which job the operator dies."""

    job: str
    number: int
    moment: str
    """`before` the write is passed on, or `after` it was answered."""


class Places:
    """Arenas of which each is used by one thread at a time."""

    def __init__(self, arenas: Sequence[Arena]) -> None:
        self._free: SimpleQueue[Arena] = SimpleQueue()
        for found in arenas:
            self._free.put(found)
        self._pool = ThreadPoolExecutor(len(arenas))

    def map(self, work: Callable[[Arena, T], R], things: Sequence[T]) -> list[R]:
        """Do some work for every thing, each in an arena of its own, and return the results in their order."""

        def do(thing: T) -> R:
            place = self._free.get()
            try:
                return work(place, thing)
            finally:
                place.clear()
                self._free.put(place)

        return list(self._pool.map(do, things))


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


def undisturbed(at: Places, stories: Mapping[str, Story]) -> dict[str, Outcome]:
    """Run every job without a death."""
    return dict(zip(stories, at.map(lambda place, job: place.run({job: stories[job]}), list(stories)), strict=True))


def with_deaths(at: Places, stories: Mapping[str, Story], deaths: Sequence[Death]) -> list[tuple[Death, Outcome]]:
    """Run jobs whose operators die."""

    def run(place: Arena, death: Death) -> Outcome:
        return place.run({death.job: stories[death.job]}, death.number, death.moment)

    return list(zip(deaths, at.map(run, deaths), strict=True))


def all_deaths(references: Mapping[str, Outcome], moments: Sequence[str]) -> list[Death]:
    """Return every death at every write."""
    return [
        Death(job, number, moment)
        for job, reference in references.items()
        for number in range(1, reference.writes + 1)
        for moment in moments
    ]


def some_deaths(references: Mapping[str, Outcome], seed: int) -> list[Death]:
    """Return the deaths after every write of one job, and at every third write of the others, as the seed has it."""
    chance = random.Random(seed)  # noqa: S311  # a choice, no secret
    whole = chance.choice(sorted(references))
    shift = {job: chance.randrange(3) for job in references}
    return [
        death
        for death in all_deaths(references, ["after"])
        if death.job == whole or death.number % 3 == shift[death.job]
    ]
