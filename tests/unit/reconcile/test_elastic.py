"""Elastic PyTorch jobs: a worker that is lost comes back, a number of nodes that changes is followed."""

from dataclasses import replace
from typing import Any

from tests.support.builders import make_job
from tests.support.world import World

WORKERS = [f"mnist-worker-{index}" for index in range(4)]


def job_fields(nodes: int) -> dict[str, Any]:
    """Return the spec of an elastic job of so many nodes."""
    torch = {"nodes": nodes, "elastic": {"minNodes": 1, "maxNodes": 4}}
    return {"command": ["python", "train.py"], "torch": torch}


def running(nodes: int = 3) -> World:
    """Return a world whose elastic job runs."""
    world = World(**job_fields(nodes))
    world.settle()
    world.start()
    world.settle()
    world.wait(60)
    return world


def restart(world: World) -> None:
    """Let a restart that was decided on happen."""
    world.settle()
    world.stop_deleted()
    world.wait(10)
    world.settle()


def scale(world: World, nodes: int) -> None:
    """Change the number of nodes as a user does."""
    generation = world.job.generation + 1
    world.job = replace(world.job, spec=make_job(spec=job_fields(nodes)).spec, generation=generation)


def test_worker_that_is_gone_is_created_again_and_the_job_goes_on() -> None:
    world = running()
    del world.pods[WORKERS[1]]
    restart(world)
    assert world.created.count(WORKERS[1]) == 2
    assert world.phase == "Running"
    assert (world.status.restarts, world.status.disruptions, world.status.attempt) == (0, 1, 0)
    assert set(world.pods) == {*WORKERS[:3]}


def test_worker_that_is_being_deleted_is_counted_once_and_comes_back_when_it_is_gone() -> None:
    world = running()
    world.change(WORKERS[1], deleting=True)
    world.end(WORKERS[1], 143)
    world.settle()
    assert world.created.count(WORKERS[1]) == 1
    restart(world)
    assert world.created.count(WORKERS[1]) == 2
    world.start()
    world.settle()
    assert (world.phase, world.status.reason, world.status.disruptions) == ("Running", "Training", 1)
    world.end(WORKERS[0])
    world.settle()
    assert world.phase == "Succeeded"


def test_loss_of_worker_0_which_holds_the_store_starts_the_whole_job_anew() -> None:
    world = running()
    del world.pods[WORKERS[0]]
    restart(world)
    assert (world.phase, world.status.attempt, world.status.disruptions) == ("Restarting", 1, 1)
    assert world.created.count(WORKERS[2]) == 2


def test_program_that_fails_by_itself_starts_the_whole_job_anew() -> None:
    world = running()
    world.end(WORKERS[2], 1, message="ValueError: no data")
    restart(world)
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (1, 1, 0)
    assert world.status.failures[0].pod == WORKERS[2]


def test_more_nodes_are_created_in_a_running_job() -> None:
    world = running(2)
    scale(world, 4)
    world.settle()
    assert set(world.pods) == set(WORKERS)
    assert world.status.replicas["worker"].desired == 4
    assert world.phase == "Running"


def test_fewer_nodes_leave_the_first_ones_running() -> None:
    world = running(4)
    scale(world, 2)
    world.settle()
    assert world.deleted == WORKERS[2:]
    world.end(WORKERS[3], 143)
    world.stop_deleted()
    world.settle()
    assert set(world.pods) == set(WORKERS[:2])
    assert (world.phase, world.status.ready) == ("Running", "2/2")
