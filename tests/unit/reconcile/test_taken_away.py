"""Pods that the cluster takes away: what the job says while one stays behind, and when it has gone."""

import pytest

from tests.support.playing import WORKER_1
from tests.support.world import World


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            "Wait",
            f"Pod {WORKER_1} is on a node that does not answer, and spec.onNodeLost is Wait: the node has to come",
        ),
        ("ForceDelete", f"Pod {WORKER_1} of the attempt before is still ending."),
    ],
)
def test_job_that_waits_for_a_pod_on_a_silent_node_says_so(policy: str, words: str) -> None:
    world = World(multiWorker={"workers": 2}, onNodeLost=policy)
    world.settle()
    world.start()
    world.settle()
    world.change(WORKER_1, deleting=True, disruption="DeletionByTaintManager", gone_by=world.now)
    world.settle()
    world.pods.pop("mnist-worker-0")
    world.wait(11)
    world.settle()
    assert world.phase == "Restarting"
    assert words in world.status.message


@pytest.mark.parametrize("code", [143, 255])
def test_launcher_that_ends_after_a_preempted_worker_is_gone_does_not_make_the_preemption_forgotten(code: int) -> None:
    """The worker's server of ssh ends on the signal with a code of its own."""
    world = World(mpi={"nodes": 2}, command=["python", "train.py"])
    world.settle()
    world.start()
    world.settle()
    preempted = {"disruption": "PreemptionByScheduler", "disruption_message": "preempting", "deleted_at": world.now}
    world.change(WORKER_1, deleting=True, **preempted)
    world.end(WORKER_1, code)
    world.step()
    world.pods.pop(WORKER_1)
    world.wait(1)
    world.end("mnist-launcher-0", 255)
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 0, 1)
    assert "PreemptionByScheduler" in world.status.message
    assert ("PreemptionByScheduler", "Disruption") in {(f.reason, f.failure_class) for f in world.status.failures}


@pytest.mark.parametrize("made_anew", [False, True])
def test_worker_that_is_deleted_before_its_job_has_begun_is_the_cause_of_the_launcher_s_failure(
    made_anew: bool,
) -> None:
    world = World(mpi={"nodes": 2}, command=["python", "train.py"])
    world.settle()
    world.start("mnist-worker-0", WORKER_1, "mnist-launcher-0")
    world.wait(5)
    world.pods.pop(WORKER_1)
    if made_anew:
        world.settle()
    world.end("mnist-launcher-0", 255, message="closed by remote host")
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 0, 1)
    assert world.status.message.startswith(f"Pod {WORKER_1} was deleted before its program had ended.")


@pytest.mark.parametrize("hidden", [(), (WORKER_1,)], ids=["all-seen", "cache-misses-one"])
def test_launcher_that_fails_at_once_is_its_own_cause_where_every_worker_is_older(hidden: tuple[str, ...]) -> None:
    world = World(mpi={"nodes": 2}, command=["python", "train.py"])
    world.settle()
    world.start("mnist-worker-0", WORKER_1, "mnist-launcher-0")
    world.hidden.update(hidden)
    world.end("mnist-launcher-0", 3)
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 1, 0)
