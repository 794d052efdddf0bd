"""Ends that meet: success, failure, suspension, cancellation, deadlines and deletion at the same time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.playing import (
    CHIEF,
    EVALUATOR,
    GROUP,
    MEMBERS,
    PS,
    SERVERS,
    WORKER_0,
    WORKER_1,
    counts,
    edit,
    fail_group,
    play_restart,
    running,
)
from tests.support.world import World
from trainingjob.api.times import format_time


def test_training_that_has_ended_is_not_repeated_because_the_job_is_suspended_at_its_end() -> None:
    world = running(**SERVERS)
    world.end(CHIEF)
    edit(world, suspend=True)
    world.settle()
    assert world.phase == "Succeeded"


def test_training_that_waits_for_its_evaluator_is_not_repeated_because_the_job_is_suspended() -> None:
    world = running(**SERVERS)
    world.end(CHIEF)
    world.settle()
    assert world.phase == "Finalizing"
    edit(world, suspend=True)
    world.settle()
    assert world.phase == "Succeeded"
    assert EVALUATOR in world.deleted


def test_program_that_ends_well_because_it_was_suspended_ends_no_job() -> None:
    world = running()
    edit(world, suspend=True)
    world.settle()
    world.end(WORKER_0)
    world.settle()
    assert world.phase == "Suspended"


def test_deadline_that_passes_while_the_end_waits_for_the_evaluator_fails_no_trained_job() -> None:
    world = running(**SERVERS, activeDeadlineSeconds=100)
    world.end(CHIEF)
    world.settle()
    world.wait(100)
    world.settle()
    assert world.phase == "Finalizing"
    world.end(EVALUATOR)
    world.settle()
    assert world.phase == "Succeeded"


def test_success_that_was_seen_after_the_deadline_is_a_success() -> None:
    world = running(activeDeadlineSeconds=100)
    world.end(WORKER_0)
    world.wait(3600)
    world.settle()
    assert world.phase == "Succeeded"


def test_deadline_counts_no_restart_that_never_happens() -> None:
    world = running(**GROUP, activeDeadlineSeconds=100)
    for name in MEMBERS:
        world.end(name, 1)
    world.wait(100)
    world.settle()
    assert (world.status.reason, counts(world)) == ("DeadlineExceeded", (0, 0, 0))
    assert {failure.pod for failure in world.status.failures} == set(MEMBERS)


@pytest.mark.parametrize(("seconds", "phase"), [(4, "Succeeded"), (5, "Restarting")])
def test_primary_that_succeeds_while_a_failure_still_waits_for_others_has_succeeded(seconds: int, phase: str) -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 1)
    world.end(WORKER_0, at=world.now + timedelta(seconds=seconds))
    world.wait(3600)
    world.settle()
    assert world.phase == phase


def test_workers_that_fail_for_want_of_a_primary_that_has_succeeded_change_nothing() -> None:
    world = running(**GROUP)
    world.end(WORKER_0)
    world.wait(1)
    world.end(WORKER_1, 1)
    world.settle()
    world.stop_deleted()
    world.pods.clear()
    world.settle()
    assert (world.phase, counts(world)) == ("Succeeded", (0, 0, 0))
    assert world.created.count(WORKER_0) == 1


def test_cancel_comes_before_a_suspension_that_is_asked_for_at_once() -> None:
    world = running(**GROUP)
    edit(world, suspend=True, cancel=True)
    world.settle()
    assert world.phase == "Cancelled"
    assert set(world.deleted) == set(MEMBERS)


def test_cancel_during_a_restart_leaves_nothing_behind() -> None:
    world = running(**SERVERS)
    world.end(WORKER_1, 1)
    world.settle()
    edit(world, cancel=True)
    world.settle()
    world.stop_deleted()
    world.wait(1000)
    world.settle()
    assert (world.phase, world.pods, world.status.restarting) == ("Cancelled", {}, None)


def test_job_that_is_deleted_while_it_restarts_gets_no_pod_any_more() -> None:
    world = running(**GROUP)
    fail_group(world)
    created, patches = len(world.created), world.patches
    world.job = replace(world.job, deleting=True)
    world.stop_deleted()
    world.wait(1000)
    world.settle()
    assert (len(world.created), world.patches) == (created, patches)


def test_pods_that_are_evicted_while_the_job_is_suspended_are_counted_by_nobody() -> None:
    world = running(**GROUP)
    edit(world, suspend=True)
    world.step()
    world.change(WORKER_1, deleting=True, disruption="EvictionByEvictionAPI")
    world.end(WORKER_1, 137)
    world.settle()
    world.stop_deleted()
    edit(world, suspend=False)
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, counts(world), world.status.failures) == ("Running", (0, 0, 0), None)


def test_suspension_that_somebody_takes_back_at_once_still_starts_from_the_beginning() -> None:
    world = running(**GROUP)
    before = {name: pod.uid for name, pod in world.pods.items()}
    edit(world, suspend=True)
    world.step()
    edit(world, suspend=False)
    world.settle()
    world.stop_deleted()
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (0, 0, 0))
    assert not set(before.values()) & {pod.uid for pod in world.pods.values()}


@pytest.mark.parametrize("started", [True, False])
def test_pod_on_a_lost_node_is_counted_before_it_is_removed_by_force_however_late_that_is(started: bool) -> None:
    world = World(**GROUP)
    world.settle()
    if started:
        world.start()
        world.settle()
    gone_by = world.now + timedelta(seconds=30)
    world.change(WORKER_1, deleting=True, disruption="DeletionByTaintManager", gone_by=gone_by)
    world.wait(3600)
    world.step()
    assert (counts(world), world.deleted) == ((1, 0, 1), [])
    assert [failure.failure_class for failure in world.status.failures] == ["NodeLost"]
    world.settle()
    assert WORKER_1 not in world.pods


def test_deadline_does_not_begin_with_an_attempt_that_failed_before_every_replica_ran() -> None:
    world = World(**GROUP, activeDeadlineSeconds=100)
    world.settle()
    world.start(WORKER_1)
    world.end(WORKER_1, 1)
    play_restart(world)
    assert world.status.start_time == format_time(world.now)


@pytest.mark.parametrize("fields", [{"suspend": True}, {"cancel": True}])
def test_servers_that_may_stay_after_the_end_go_when_the_user_says_so(fields: dict[str, bool]) -> None:
    world = running(**SERVERS, cleanPodPolicy="None", evaluatorGraceSeconds=0)
    world.end(CHIEF)
    world.settle()
    assert (world.phase, world.deleted) == ("Succeeded", [])
    edit(world, **fields)
    world.settle()
    assert world.phase == "Succeeded"
    assert PS in world.deleted


def test_pods_that_never_began_in_time_do_not_begin_after_the_end() -> None:
    world = World(**GROUP, pendingDeadlineSeconds=60, cleanPodPolicy="None")
    world.settle()
    world.start(WORKER_0)
    world.wait(60)
    world.settle()
    assert world.status.reason == "PendingDeadlineExceeded"
    assert world.deleted == MEMBERS
