"""Pods that somebody touches, thousands that fail at once, and what is told of them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.playing import GROUP, SERVERS, WORKER_0, WORKER_1, counts, edit, fail_group, play_restart, running
from tests.support.world import World
from trainingjob.api.status import MAX_RESTARTING
from trainingjob.api.times import format_time
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, reconcile


def test_pod_whose_attempt_was_relabelled_is_taken_for_one_that_somebody_deleted() -> None:
    world = running(**GROUP)
    fail_group(world)
    play_restart(world)
    world.change(WORKER_1, attempt=0)
    play_restart(world)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (2, 1, 1))


@pytest.mark.parametrize("fields", [{"role": "ps"}, {"index": 7}, {"attempt": 99}, {"job": "other"}])
def test_other_labels_of_a_pod_change_nothing(fields: dict[str, Any]) -> None:
    world = running(**GROUP)
    world.change(WORKER_1, **fields)
    world.settle()
    assert (world.phase, world.deleted) == ("Running", [])


def test_pod_that_failed_on_its_own_and_was_then_deleted_is_the_program_s_failure() -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 1)
    world.wait(3)
    world.change(WORKER_1, deleting=True, deleted_at=world.now, gone_by=world.now + timedelta(seconds=30))
    world.settle()
    assert counts(world) == (1, 1, 0)


def test_program_that_answers_its_deletion_with_a_code_of_its_own_has_not_failed() -> None:
    world = running(**GROUP)
    world.change(WORKER_1, deleting=True, deleted_at=world.now, gone_by=world.now + timedelta(seconds=30))
    world.wait(2)
    world.end(WORKER_1, 1)
    world.settle()
    assert (counts(world), world.status.reason) == ((1, 0, 1), "PodDeleted")


def test_program_that_fails_before_the_first_status_was_written_leaves_the_job_pending() -> None:
    world = World(**SERVERS)
    world.step()
    world.job = replace(world.job, status=World(**SERVERS).job.status)
    world.start(WORKER_1)
    world.end(WORKER_1, 1)
    world.step()
    assert (world.phase, counts(world)) == ("Pending", (0, 1, 0))


def test_change_of_a_finished_job_is_observed_and_changes_nothing_else() -> None:
    world = running()
    world.end(WORKER_0)
    world.settle()
    before = world.status
    edit(world, ttlSecondsAfterFinished=1000)
    world.settle()
    assert world.status == before.model_copy(update={"observed_generation": world.job.generation})


def test_each_attempt_that_fails_before_it_has_run_is_told_in_an_event() -> None:
    world = World(**GROUP)
    world.settle()
    for _ in range(2):
        world.start(WORKER_1)
        world.end(WORKER_1, 1)
        world.settle()
        world.stop_deleted()
        world.wait(600)
        world.settle()
    told = [event.message for event in world.events if event.reason == "ProgramFailed"]
    assert len(told) == 2
    assert "Attempt 2 begins" in told[1]


@pytest.mark.parametrize("workers", [1000, 3000])
def test_thousands_of_workers_that_are_lost_at_once_fit_into_one_status(workers: int) -> None:
    strategy = {"workers": workers, "servers": 1, "evaluator": True}
    world = running(name="m", parameterServer=strategy, maxDisruptions=10_000)
    for name in list(world.pods):
        if "-ps-" not in name:
            world.change(name, disruption="TerminationByKubelet", disruption_message="low on memory " * 100)
            world.end(name, 137)
    world.wait(10)
    patches, sizes = world.patches, []
    while world.step():
        sizes.append(len(json.dumps(world.status.manifest(), ensure_ascii=False).encode()))
        assert len(world.status.restarting or {}) <= MAX_RESTARTING
        assert world.status.disruptions >= workers
    assert world.patches <= patches + 3
    assert max(sizes) < 256 * 1024
    play_restart(world)
    assert world.phase == "Running"


def test_status_of_a_large_job_in_which_everything_fails_with_long_words_stays_small() -> None:
    world = running(name="m", multiWorker={"workers": 1000})
    for name in world.pods:
        world.end(name, 1, message="\N{PILE OF POO}" * 2000)
    world.settle()
    assert len(json.dumps(world.status.manifest(), ensure_ascii=False).encode()) < 64 * 1024
    assert world.status.restart_time == format_time(world.now + timedelta(seconds=10))


def test_job_says_which_pod_was_taken_away_and_by_whom() -> None:
    world = running(**GROUP, maxDisruptions=0)
    world.change(WORKER_1, deleting=True, disruption="PreemptionByScheduler", disruption_message="default-scheduler: x")
    world.end(WORKER_1, 143)
    world.settle()
    assert world.status.message == "Pod mnist-worker-1 was taken away (PreemptionByScheduler): default-scheduler: x"


def test_job_says_which_pod_was_lost_with_its_node() -> None:
    world = running(**GROUP, maxDisruptions=0)
    world.change(WORKER_1, phase="Failed", disruption="DeletionByPodGC")
    world.settle()
    assert world.status.message == "Pod mnist-worker-1 was lost with its node (DeletionByPodGC)."


def test_thousand_pods_that_end_one_by_one_are_no_thousand_writes() -> None:
    world = running(name="m", multiWorker={"workers": 1000})
    edit(world, suspend=True)
    world.settle()
    urgent = 0
    for name in list(world.pods):
        world.end(name, 143)
    for name in list(world.pods):
        urgent += reconcile(world.job, Children(tuple(world.pods.values())), world.now, PlanOptions()).urgent
        del world.pods[name]
    assert urgent == 0
    assert reconcile(world.job, Children(), world.now, PlanOptions()).urgent


def test_job_says_which_pods_still_end() -> None:
    world = running(**GROUP)
    edit(world, suspend=True)
    world.settle()
    assert world.status.message == "The job is suspended; 2 pods are still ending, mnist-worker-0 among them."
    del world.pods[WORKER_0]
    world.settle()
    assert world.status.message == "The job is suspended; pod mnist-worker-1 is still ending."
    world.stop_deleted()
    world.settle()
    assert world.status.message == "The job has no pods until spec.suspend is false."
