"""A TensorBoard over time: it comes with the first pods, outlives the job for a while, and is in nobody's way."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.playing import WORKER_0, edit, fail_group, play_restart
from tests.support.uploads import uploaded
from tests.support.world import World
from trainingjob.reconcile import DeleteTensorBoard, RefusalKind

NAME = "mnist-tensorboard"
URL = "http://mnist-tensorboard.team.svc:6006/"
KEEPS: dict[str, Any] = {"outputs": {"uri": "s3://bucket/runs", "flushSeconds": 60}, "workingDir": "/app"}
SHOWN: dict[str, Any] = {**KEEPS, "tensorboard": {"ttlSeconds": 600}}
OF_CLAIM: dict[str, Any] = {"outputs": {"pvc": {"claimName": "runs"}, "flushSeconds": 60}}
OFF = {"enabled": False}


def shown(**spec: Any) -> World:
    """Return a world whose job has run for a minute and has a TensorBoard."""
    world = World(**{**SHOWN, **spec})
    world.settle()
    world.start()
    world.settle()
    world.wait(60)
    return world


def end(world: World) -> None:
    """Let the program end well, and what it has written be uploaded."""
    world.end(WORKER_0)
    world.settle()
    uploaded(world, WORKER_0)
    world.settle()
    assert world.status.finished


def stands(world: World) -> bool:
    """Say whether the TensorBoard stands, and see that the status says the same and no half of it does."""
    there = {NAME in world.deployments, NAME in world.services, world.status.tensorboard is not None}
    assert len(there) == 1
    return there == {True}


def test_status_speaks_of_it_before_it_is_created_and_the_pods_do_not_wait_for_it() -> None:
    world = World(**SHOWN)
    world.step()
    assert (WORKER_0 in world.pods, world.status.tensorboard.url) == (True, URL)
    assert world.deployments == {}
    world.step()
    assert world.created[-2:] == [NAME, NAME]
    assert stands(world)
    assert world.step() is False


def test_one_line_says_how_it_is_reached() -> None:
    lines = [event for event in shown().events if event.reason == "TensorBoard"]
    assert [event.message for event in lines] == [
        "kubectl -n team port-forward service/mnist-tensorboard 6006 shows the TensorBoard at http://localhost:6006/."
    ]


@pytest.mark.parametrize("spec", [KEEPS, {**KEEPS, "tensorboard": OFF}])
def test_job_without_one_gets_none_and_no_word_of_it(spec: dict[str, Any]) -> None:
    world = World(**spec)
    world.settle()
    world.start()
    world.settle()
    assert not stands(world)
    assert not any(isinstance(action, DeleteTensorBoard) for action in world.look().actions)


def test_it_stands_until_its_time_is_over_and_is_not_asked_for_again() -> None:
    world = shown()
    end(world)
    assert stands(world)
    at = world.look().wake
    assert at is not None
    world.now = at
    world.step()
    assert not stands(world)
    assert (world.status.tensorboard, world.step(), world.look().actions) == (None, False, ())


def test_time_that_passed_while_nobody_was_there_is_over_at_the_first_look() -> None:
    world = shown()
    end(world)
    world.wait(7 * 86400)
    world.step()
    assert not stands(world)


def test_time_may_be_changed_after_the_end() -> None:
    world = shown()
    end(world)
    edit(world, tensorboard={"ttlSeconds": 3600})
    world.wait(601)
    world.settle()
    assert stands(world)
    edit(world, tensorboard={"ttlSeconds": 60})
    world.settle()
    assert not stands(world)


def test_time_of_no_seconds_ends_with_the_job() -> None:
    world = shown(tensorboard={"ttlSeconds": 0})
    assert stands(world)
    end(world)
    assert not stands(world)


@pytest.mark.parametrize("off", [OFF, None])
def test_it_is_turned_off_and_on_while_the_job_runs(off: dict[str, Any] | None) -> None:
    world = shown()
    edit(world, tensorboard=off)
    world.settle()
    assert not stands(world)
    edit(world, tensorboard={})
    world.settle()
    assert stands(world)


def test_it_is_turned_on_for_a_job_that_began_without() -> None:
    world = shown(tensorboard=None)
    assert not stands(world)
    edit(world, tensorboard={})
    world.settle()
    assert stands(world)


def test_nothing_is_created_after_the_end() -> None:
    world = shown(tensorboard=OFF)
    end(world)
    # The API server refuses this, unless the job ends at this very moment.
    edit(world, tensorboard={})
    world.settle()
    assert not stands(world)


def test_nothing_is_created_once_the_outcome_is_decided() -> None:
    world = shown()
    world.end(WORKER_0)
    world.settle()
    assert world.phase == "Finalizing"
    del world.services[NAME]
    world.settle()
    assert NAME not in world.services


def test_job_that_begins_suspended_has_none_until_it_is_resumed_and_keeps_it_from_then_on() -> None:
    world = World(**SHOWN, suspend=True)
    world.settle()
    assert not stands(world)
    edit(world, suspend=False)
    world.settle()
    assert stands(world)
    edit(world, suspend=True)
    world.settle()
    world.stop_deleted()
    world.settle()
    assert (world.phase, stands(world)) == ("Suspended", True)
    edit(world, tensorboard=OFF)
    world.settle()
    assert not stands(world)
    edit(world, tensorboard={})
    world.settle()
    assert not stands(world)


def test_cancelled_job_keeps_it_for_its_time() -> None:
    world = shown()
    edit(world, cancel=True)
    world.settle()
    assert (world.phase, stands(world)) == ("Cancelled", True)
    world.wait(600)
    world.settle()
    assert not stands(world)


def test_restart_leaves_it_alone() -> None:
    world = shown(multiWorker={"workers": 2})
    fail_group(world)
    play_restart(world)
    assert (world.status.attempt, world.created.count(NAME), stands(world)) == (1, 2, True)


def test_one_over_a_claim_stands_only_while_the_jobs_own_pods_hold_it_or_need_it_no_more() -> None:
    """A claim may be bound to the node of the first pod that mounts it, or may be mounted on one node at a time."""
    world = World(**{**SHOWN, **OF_CLAIM, "multiWorker": {"workers": 2}})
    world.settle()
    assert (world.phase, stands(world)) == ("Pending", False)
    world.start()
    world.settle()
    assert (world.phase, stands(world)) == ("Running", True)
    fail_group(world)
    assert (world.phase, stands(world)) == ("Restarting", False)
    play_restart(world)
    assert (world.phase, stands(world)) == ("Running", True)
    edit(world, suspend=True)
    world.settle()
    world.stop_deleted()
    world.settle()
    assert (world.phase, stands(world)) == ("Suspended", False)


def test_word_of_one_over_a_claim_comes_with_the_word_that_the_job_runs() -> None:
    """Nothing else has to make the operator look at the job again."""
    world = World(**{**SHOWN, **OF_CLAIM, "multiWorker": {"workers": 2}})
    world.settle()
    for restart in (False, True):
        if restart:
            fail_group(world)
            world.stop_deleted()
            world.settle()
            world.wait(60)
            world.settle()
        world.start()
        assert world.status.tensorboard is None
        world.step()
        assert (world.phase, world.status.tensorboard is not None) == ("Running", True)
        world.settle()
        assert (world.phase, stands(world)) == ("Running", True)


def test_nothing_is_created_in_the_look_that_knows_the_outcome() -> None:
    world = World(**SHOWN)
    world.step()
    assert (world.status.tensorboard.url, world.deployments) == (URL, {})
    world.start()
    world.end(WORKER_0)
    world.settle()
    assert (world.phase, NAME in world.created) == ("Finalizing", False)


def test_service_that_somebody_has_deleted_is_made_again_while_the_job_runs() -> None:
    world = shown()
    del world.services[NAME]
    world.settle()
    assert stands(world)
    assert world.created.count(NAME) == 4


def test_what_nobody_can_reach_after_the_end_is_deleted() -> None:
    world = shown()
    end(world)
    del world.services[NAME]
    world.settle()
    assert not stands(world)


def test_name_that_is_taken_is_told_and_never_touches_the_job() -> None:
    world = World(**SHOWN)
    world.refused = {NAME: (RefusalKind.NAME_TAKEN, "Deployment mnist-tensorboard exists already.")}
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, world.status.reason) == ("Running", "Training")
    said = world.status.tensorboard
    assert said.url is None
    assert "Deployment mnist-tensorboard could not be created (NameTaken): Deployment mnist-" in said.message
    assert [event.reason for event in world.events].count("TensorBoardRefused") == 1
    world.refused = {}
    world.settle()
    assert (world.status.tensorboard.url, world.status.tensorboard.message) == (URL, None)


def test_pending_job_is_explained_by_its_pods_and_not_by_its_tensorboard() -> None:
    world = World(**SHOWN)
    world.refused = {NAME: (RefusalKind.QUOTA, "exceeded quota")}
    world.settle()
    world.change(WORKER_0, unschedulable="no node", scheduling_reason="Unschedulable")
    world.settle()
    assert world.status.reason == "Unschedulable"


def test_what_was_refused_is_cleaned_up_at_the_end_as_well() -> None:
    world = World(**SHOWN)
    world.refused = {NAME: (RefusalKind.NAME_TAKEN, "taken")}
    world.settle()
    world.start()
    world.settle()
    end(world)
    assert world.status.tensorboard is None


def test_job_that_does_not_validate_any_more_keeps_none_for_ever() -> None:
    world = shown()
    end(world)
    world.job = replace(world.job, spec=make_job(image=["no", "text"], invalid=True).spec)
    world.wait(3599)
    world.settle()
    assert stands(world)
    world.wait(2)
    world.settle()
    assert not stands(world)
