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


def mpi_world() -> World:
    """Return a world whose MPI job has its pods."""
    world = World(mpi={"nodes": 2}, command=["python", "train.py"])
    world.settle()
    world.wait(5)
    return world


def assert_worker_1_is_the_cause(world: World) -> None:
    """Demand that the job starts anew at the cost of one disruption, and why."""
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 0, 1)
    assert world.status.message.startswith(f"Pod {WORKER_1} was deleted before its program had ended.")


def test_worker_that_is_gone_before_its_job_has_begun_is_the_cause_of_the_launcher_s_failure() -> None:
    world = mpi_world()
    world.start("mnist-worker-0", WORKER_1, "mnist-launcher-0")
    world.wait(5)
    world.pods.pop(WORKER_1)
    world.end("mnist-launcher-0", 255, message="closed by remote host")
    world.settle()
    assert_worker_1_is_the_cause(world)


def test_worker_that_is_gone_while_the_launcher_runs_is_lost_although_its_job_has_not_begun() -> None:
    """A new one would be of no use to a launcher that knows the old one, and the job would seem to run."""
    world = mpi_world()
    world.start(WORKER_1, "mnist-launcher-0")
    world.settle()
    world.pods.pop(WORKER_1)
    world.settle()
    assert WORKER_1 not in world.pods
    world.wait(31)
    world.settle()
    assert_worker_1_is_the_cause(world)


@pytest.mark.parametrize("told", ["before the job has begun", "after it has"])
@pytest.mark.parametrize("seconds", [0, 2])
def test_worker_that_is_made_anew_after_the_launcher_has_looked_is_the_cause_of_its_failure(
    seconds: int, told: str
) -> None:
    world = mpi_world()
    world.start("mnist-worker-0", WORKER_1)
    world.change("mnist-launcher-0", prepared=world.now)
    world.wait(seconds)
    world.pods.pop(WORKER_1)
    world.settle()
    assert WORKER_1 in world.pods
    world.start("mnist-launcher-0")
    if told == "after it has":
        world.start(WORKER_1)
        world.settle()
        assert world.phase == "Running"
        world.wait(5)
    world.end("mnist-launcher-0", 255, message="no route found")
    world.settle()
    assert_worker_1_is_the_cause(world)


def test_worker_that_was_made_anew_before_the_launcher_looked_is_nobody_s_cause() -> None:
    world = mpi_world()
    world.start("mnist-worker-0", WORKER_1)
    world.settle()
    world.pods.pop(WORKER_1)
    world.settle()
    world.wait(2)
    world.start(WORKER_1)
    world.change("mnist-launcher-0", prepared=world.now)
    world.start("mnist-launcher-0")
    world.settle()
    world.end("mnist-launcher-0", 3)
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 1, 0)


def test_worker_that_its_node_puts_out_is_the_cause_of_the_launcher_s_failure_although_nobody_tells_its_end() -> None:
    world = mpi_world()
    world.start()
    world.settle()
    world.wait(60)
    put_out = {"reason": "Evicted", "disruption": "TerminationByKubelet", "disruption_message": "The node was low."}
    world.change(WORKER_1, phase="Failed", **put_out)
    world.end("mnist-launcher-0", 255, message="closed by remote host")
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 0, 1)
    assert world.status.message.startswith(f"Pod {WORKER_1} was taken away (TerminationByKubelet): The node was low.")


@pytest.mark.parametrize("hidden", [(), (WORKER_1,)], ids=["all-seen", "cache-misses-one"])
def test_launcher_that_fails_at_once_is_its_own_cause_where_every_worker_is_older(hidden: tuple[str, ...]) -> None:
    world = World(mpi={"nodes": 2}, command=["python", "train.py"])
    world.settle()
    world.start("mnist-worker-0", WORKER_1, "mnist-launcher-0")
    world.hidden.update(hidden)
    world.end("mnist-launcher-0", 3)
    world.settle()
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 1, 0)
