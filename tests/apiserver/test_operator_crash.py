"""The operator dies at every write of a run and is started again: the ends are the same, and no pod is made twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.apiserver.conftest import person_of
from tests.support.arena import Arena, Outcome
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE
from tests.support.places import places
from tests.support.stories import Story

pytestmark = pytest.mark.apiserver

AT_ONCE = 7


def play(job: str, replica: str, _: int) -> Run:
    """Say what becomes of a pod: whoever decides waits for its peers, so that only the operator's death differs."""
    peers = tuple(f"{job}-{peer}" for peer in ("worker-0", "worker-1", "ps-0"))
    runs = {
        "good-ps-0": Run(None),
        "good-worker-0": Run(0, peers=peers, after=peers[1:2]),
        "good-worker-1": Run(0, seconds=0.0),
        "bad-worker-0": Run(None),
        "bad-worker-1": Run(7, seconds=0.5, peers=peers[:1], message="boom"),
        "single-worker-0": Run(0, seconds=0.5),
    }
    return runs[f"{job.split('-', maxsplit=1)[0]}-{replica}"]


STORIES = {
    "good": Story({"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}}, play),
    "bad": Story({"image": IMAGE, "multiWorker": {"workers": 2}, "cleanPodPolicy": "All", "maxRestarts": 0}, play),
    "single": Story({"image": IMAGE}, play),
}


@pytest.mark.parametrize("moments", [("before", "after"), pytest.param(("after", "before"), marks=pytest.mark.long)])
def test_death_at_any_write_changes_neither_ends_nor_pods(
    cluster: Cluster, tmp_path: Path, say: Callable[[str], None], moments: tuple[str, str]
) -> None:
    with places(cluster, tmp_path, lambda: person_of(cluster), AT_ONCE) as at:
        (undisturbed,) = at.map(lambda place, stories: place.run(stories), [STORIES])
        assert undisturbed.writes >= 6 + 6 + 3, "six pods, three Services and each job's start, run and end"
        assert (max(undisturbed.created.values()), max(undisturbed.played.values())) == (1, 1)
        assert undisturbed.violations == []
        say(f"{undisturbed.writes} writes without a death")

        def run(place: Arena, number: int) -> Outcome:
            return place.run(STORIES, number, moments[number % 2])

        numbers = range(1, undisturbed.writes + 1)
        for number, found in zip(numbers, at.map(run, numbers), strict=True):
            assert found.comparable == undisturbed.comparable, f"died {moments[number % 2]} write {number}"
            assert found.violations == []
