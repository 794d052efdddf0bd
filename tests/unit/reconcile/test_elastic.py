"""Elastic PyTorch jobs: a worker that is lost comes back, a number of nodes that changes is followed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support import playing
from tests.support.builders import make_job
from tests.support.playing import edit
from tests.support.world import World
from trainingjob.api.process_strategies import Elastic
from trainingjob.api.status import MAX_RESTARTING
from trainingjob.reconcile import RefusalKind

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


def test_node_that_is_taken_away_and_wanted_again_at_once_is_no_disruption() -> None:
    world = running(4)
    scale(world, 2)
    world.settle()
    scale(world, 4)
    world.settle()
    assert set(world.deleted) == set(WORKERS[2:])
    for name in WORKERS[2:]:
        world.end(name, 143)
    world.settle()
    world.stop_deleted()
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, world.status.ready, world.status.restarting) == ("Running", "4/4", None)
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (0, 0, 0)
    assert world.status.failures is None
    del world.pods[WORKERS[3]]
    restart(world)
    assert world.status.disruptions == 1


@pytest.mark.parametrize("nodes", [1, 4])
def test_nodes_that_change_while_the_job_restarts_are_those_of_the_next_attempt(nodes: int) -> None:
    world = running(3)
    world.end(WORKERS[0], 1)
    world.settle()
    scale(world, nodes)
    restart(world)
    world.start()
    world.settle()
    assert (world.phase, world.status.ready, world.status.attempt) == ("Running", f"{nodes}/{nodes}", 1)
    assert set(world.pods) == set(WORKERS[:nodes])


@pytest.mark.parametrize("nodes", [1, 4])
def test_nodes_that_change_while_the_job_is_suspended_are_those_of_the_resumed_one(nodes: int) -> None:
    world = running(3)
    edit(world, suspend=True)
    world.settle()
    scale(world, nodes)
    edit(world, suspend=True)
    world.settle()
    assert (world.phase, set(world.pods)) == ("Suspended", set(WORKERS[:3]))
    world.stop_deleted()
    edit(world, suspend=False)
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, world.status.ready) == ("Running", f"{nodes}/{nodes}")
    assert (world.status.restarts, world.status.disruptions) == (0, 0)


def test_lost_worker_that_is_not_wanted_any_more_is_not_replaced() -> None:
    world = running(4)
    del world.pods[WORKERS[3]]
    world.settle()
    scale(world, 2)
    restart(world)
    assert (world.phase, set(world.pods), world.status.restarting) == ("Running", set(WORKERS[:2]), None)


def test_one_node_is_left_however_few_are_wanted_and_its_end_is_the_job_s() -> None:
    world = running(4)
    scale(world, 1)
    world.settle()
    world.stop_deleted()
    world.end(WORKERS[0])
    world.settle()
    assert (world.phase, world.status.ready) == ("Succeeded", "1/1")


def test_node_that_is_added_and_finds_no_place_does_not_stop_the_others() -> None:
    world = running(2)
    scale(world, 3)
    world.settle()
    world.change(WORKERS[2], unschedulable="0/3 nodes are available", scheduling_reason="Unschedulable")
    world.settle()
    assert (world.phase, world.status.reason, world.status.ready) == ("Running", "Unschedulable", "2/3")


def test_all_the_nodes_that_may_be_added_at_once_fit_into_one_status() -> None:
    most = field_limit()
    elastic = {"minNodes": 1, "maxNodes": most}
    world = playing.running(command=["python", "train.py"], torch={"nodes": 1, "elastic": elastic})
    edit(world, torch={"nodes": most, "elastic": elastic})
    full = RefusalKind.QUOTA, "exceeded quota"
    world.refused = {f"mnist-worker-{index}": full for index in range(1, most)}
    world.step()
    assert 0 < len(world.status.restarting or {}) <= MAX_RESTARTING
    world.refused.clear()
    world.settle()
    assert len(world.pods) == most


def field_limit() -> int:
    """Return the most nodes that an elastic job may have."""
    return int(Elastic.model_json_schema()["properties"]["maxNodes"]["maximum"])


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
