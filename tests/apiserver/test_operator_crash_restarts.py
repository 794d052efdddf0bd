"""The operator dies at the writes of jobs that restart, pause, lose pods and retire: nothing else comes of it."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.apiserver.conftest import person_of
from tests.support.arena import Outcome
from tests.support.death_stories import STORIES
from tests.support.deaths import Death, all_deaths, some_deaths, undisturbed, with_deaths
from tests.support.places import Places, places

pytestmark = pytest.mark.apiserver

AT_ONCE = 14
"""A run waits for ten seconds before its restart: several of them wait together."""

SEED = "TRAININGJOB_TEST_SEED"
"""Repeats an ordinary run's choice of deaths."""


@pytest.fixture(scope="module")
def at(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Return the places of all runs."""
    folder: Path = tmp_path_factory.mktemp("deaths")
    with places(cluster, folder, lambda: person_of(cluster), AT_ONCE) as found:
        yield found


@pytest.fixture(scope="module")
def references(at: Places) -> dict[str, Outcome]:
    """Return the end of every kind of job whose operator lives."""
    return undisturbed(at, STORIES)


@pytest.mark.parametrize("job", STORIES)
def test_job_whose_operator_lives_ends_as_it_should(references: dict[str, Outcome], job: str) -> None:
    found = references[job]
    assert {word: found.ends[job][word] for word in STORIES[job].expected} == STORIES[job].expected
    assert (found.violations, found.lives) == ([], 1)


def test_death_after_a_write_changes_neither_the_end_nor_what_was_made(
    at: Places, references: dict[str, Outcome], say: Callable[[str], None]
) -> None:
    seed = int(os.environ.get(SEED) or random.randrange(1000))
    deaths = some_deaths(references, seed)
    say(f"{len(deaths)} deaths, chosen by {SEED}={seed}; writes without one: {_writes(references)}")
    assert _wrong(at, references, deaths) == []


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before", "after"])
def test_death_at_any_write_changes_neither_the_end_nor_what_was_made(
    at: Places, references: dict[str, Outcome], say: Callable[[str], None], moment: str
) -> None:
    deaths = all_deaths(references, [moment])
    say(f"{len(deaths)} deaths {moment} writes; writes without one: {_writes(references)}")
    assert _wrong(at, references, deaths) == []


def _writes(references: dict[str, Outcome]) -> dict[str, int]:
    return {job: found.writes for job, found in references.items()}


def _wrong(at: Places, references: dict[str, Outcome], deaths: list[Death]) -> list[tuple[object, ...]]:
    """Return what is not as in the run without a death."""
    return [
        (death, found.comparable, references[death.job].comparable, found.violations)
        for death, found in with_deaths(at, STORIES, deaths)
        if found.comparable != references[death.job].comparable or found.violations
    ]
