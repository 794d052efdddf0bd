"""Runs in which the operator dies at one write."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.arena import Arena, Outcome
from tests.support.places import Places
from tests.support.stories import Story


@dataclass(frozen=True)
class Death:
    """At which write of which job the operator dies."""

    job: str
    number: int
    moment: str
    """`before` the write is passed on, or `after` it was answered."""


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
    chance = random.Random(seed)
    whole = chance.choice(sorted(references))
    shift = {job: chance.randrange(3) for job in references}
    return [
        death
        for death in all_deaths(references, ["after"])
        if death.job == whole or death.number % 3 == shift[death.job]
    ]
