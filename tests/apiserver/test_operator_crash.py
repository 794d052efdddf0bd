"""The operator dies at every write of a run and is started again: the ends are the same, and no pod is made twice."""

from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.arena import Arena, arena
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE
from tests.support.user import Object, User

pytestmark = pytest.mark.apiserver

JOBS: dict[str, dict[str, Any]] = {
    "good": {"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}},
    "bad": {"image": IMAGE, "multiWorker": {"workers": 2}, "cleanPodPolicy": "All", "maxRestarts": 0},
    "single": {"image": IMAGE},
}


def play(pod: Object) -> Run:
    """Say what becomes of a pod: whoever decides waits for its peers, so that only the operator's death differs."""
    name = pod["metadata"]["name"]
    job, run, rest = name.split("-", 2)
    peers = tuple(f"{job}-{run}-{peer}" for peer in ("worker-0", "worker-1", "ps-0"))
    runs = {
        "good-ps-0": Run(None),
        "good-worker-0": Run(0, peers=peers, after=peers[1:2]),
        "good-worker-1": Run(0, seconds=0.0),
        "bad-worker-0": Run(None),
        "bad-worker-1": Run(7, seconds=0.5, peers=peers[:1], message="boom"),
        "single-worker-0": Run(0, seconds=0.5),
    }
    return runs[f"{job}-{rest}"]


def assert_nothing_was_made_twice(arena: Arena) -> None:
    """Check the answers of the API server and what the kubelet has seen."""
    assert [name for name, count in arena.created().items() if count > 1] == []
    assert {name: pods for name, pods in arena.played().items() if pods > 1} == {}


@pytest.mark.parametrize("moments", [("before", "after"), pytest.param(("after", "before"), marks=pytest.mark.long)])
def test_death_at_any_write_changes_neither_ends_nor_pods(
    cluster: Cluster, user: User, tmp_path: Path, moments: tuple[str, str]
) -> None:
    with arena(cluster, user, tmp_path, JOBS, lambda: play) as at:
        undisturbed = at.run()
        writes = at.proxy.count
        assert writes >= 6 + 6 + 3, "six pods, three Services and each job's start, run and end"
        print(f"{writes} writes without a death")
        for number in range(1, writes + 1):
            moment = moments[number % 2]
            ends = at.run(number, moment)
            assert ends == undisturbed, f"died {moment} write {number}"
            assert_nothing_was_made_twice(at)
