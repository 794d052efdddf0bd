"""Requests and watches fail between the real operator and the real API server: every job ends as if nothing had."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.apiserver.conftest import person_of
from tests.support.arena import Arena, Outcome
from tests.support.fault_stories import STORIES
from tests.support.faults import MIXES, Faults
from tests.support.places import Places, places

pytestmark = pytest.mark.apiserver

SEED = "TRAININGJOB_TEST_SEED"
"""Repeats a run's faults."""
NOTHING = "nothing"
MORE_SEEDS = 4


@dataclass(frozen=True)
class Found:
    """What a run with faults came to."""

    outcome: Outcome
    struck: Counter[str]
    """How often which fault was played."""
    writes_at_rest: int
    violations_at_rest: list[str]


def go(place: Arena, wanted: tuple[str, int]) -> Found:
    """Run the jobs with a mix of faults, then without any let a new operator look at what has come to rest."""
    mix, seed = wanted
    faults = Faults(MIXES[mix], seed) if mix != NOTHING else None
    outcome = place.run(STORIES, faults=faults)
    writes, violations = place.look_again()
    return Found(outcome, faults.struck if faults else Counter(), writes, violations)


@pytest.fixture(scope="module")
def at(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Return the places of all runs, one for each mix of faults and one for none."""
    folder: Path = tmp_path_factory.mktemp("faults")
    with places(cluster, folder, lambda: person_of(cluster), len(MIXES) + 1, impatient=True) as found:
        yield found


@pytest.fixture(scope="module")
def seed() -> int:
    """Return the seed of the ordinary run's faults."""
    return int(os.environ.get(SEED) or random.randrange(10_000))


@pytest.fixture(scope="module")
def begun(at: Places, seed: int) -> dict[str, Future[Found]]:
    """Begin a run for every mix of faults, all at the same time."""
    return {mix: at.begin(go, (mix, seed)) for mix in (NOTHING, *MIXES)}


@pytest.fixture(scope="module")
def straight(begun: dict[str, Future[Found]]) -> Found:
    """Return the run without a fault."""
    return begun[NOTHING].result()


def test_jobs_end_as_they_should_when_nothing_fails(straight: Found) -> None:
    for job, story in STORIES.items():
        end = straight.outcome.ends[job]
        assert {word: end[word] for word in story.expected} == story.expected
    assert straight.outcome.violations == []
    assert (straight.writes_at_rest, straight.violations_at_rest) == (0, [])


@pytest.mark.parametrize("mix", MIXES)
def test_jobs_end_as_if_nothing_had_failed(
    begun: dict[str, Future[Found]], straight: Found, seed: int, mix: str, say: Callable[[str], None]
) -> None:
    found = begun[mix].result()
    say(f"{mix}: {SEED}={seed}: {dict(found.struck)}, {found.outcome.writes} writes, {found.outcome.lives} lives")
    assert_alike(found, straight, mix)


@pytest.mark.long
def test_jobs_end_as_if_nothing_had_failed_whatever_the_seed(
    at: Places, straight: Found, seed: int, say: Callable[[str], None]
) -> None:
    wanted = [(mix, seed + number) for number in range(1, MORE_SEEDS + 1) for mix in MIXES]
    struck: Counter[str] = Counter()
    for (mix, used), found in zip(wanted, at.map(go, wanted), strict=True):
        struck += found.struck
        assert_alike(found, straight, f"{mix}, {SEED}={used}")
    say(f"{len(wanted)} runs, {SEED}={seed}: {dict(struck)}")


def assert_alike(found: Found, straight: Found, what: str) -> None:
    """Check that a run with faults came to the same as one without, and that its faults were played."""
    assert found.outcome.violations == [], what
    assert found.outcome.ends == straight.outcome.ends, what
    assert found.outcome.played == straight.outcome.played, what
    assert (found.writes_at_rest, found.violations_at_rest) == (0, []), what
    assert found.struck, what
