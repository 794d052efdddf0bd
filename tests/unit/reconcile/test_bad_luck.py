"""Users with bad luck, and some who try: budgets changed on the way, ends that meet, pods that go at the wrong time."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.playing import counts, edit, play_restart, running
from tests.support.world import World
from trainingjob.api.status import MAX_RESTARTING
from trainingjob.api.times import format_time

CHIEF, WORKER_0, WORKER_1, PS = "mnist-chief-0", "mnist-worker-0", "mnist-worker-1", "mnist-ps-0"
EVALUATOR = "mnist-evaluator-0"
SERVERS: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 1, "chief": True, "evaluator": True}}
GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
MEMBERS = [WORKER_0, WORKER_1]


def fail_group(world: World, code: int = 1) -> None:
    """Let both members of a group fail, and what follows happen."""
    for name in MEMBERS:
        world.end(name, code)
    world.settle()


# Budgets.


def test_budget_lowered_below_what_is_spent_fails_no_job_that_the_cluster_interrupts() -> None:
    world = running(**SERVERS)
    for _ in range(2):
        world.end(WORKER_1, 1)
        play_restart(world)
    edit(world, maxRestarts=1)
    world.change(WORKER_1, disruption="PreemptionByScheduler")
    world.end(WORKER_1, 137)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (0, 2, 1))


def test_budget_lowered_below_what_is_spent_fails_the_job_at_its_next_failure() -> None:
    world = running(**GROUP)
    for _ in range(2):
        fail_group(world)
        play_restart(world)
    edit(world, maxRestarts=1)
    world.settle()
    assert world.phase == "Running"
    fail_group(world)
    assert (world.phase, counts(world)) == ("Failed", (2, 2, 0))


def test_budget_that_is_raised_while_the_job_runs_holds() -> None:
    world = running(**GROUP, maxRestarts=0)
    edit(world, maxRestarts=1)
    fail_group(world)
    assert (world.phase, counts(world)) == ("Restarting", (1, 1, 0))


def test_failures_that_are_ignored_for_ever_end_with_the_other_budget() -> None:
    rule = {"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [255]}}
    world = running(**GROUP, maxDisruptions=5, failurePolicy={"rules": [rule]})
    for _ in range(20):
        if world.phase != "Failed":
            fail_group(world)
        if world.phase != "Failed":
            play_restart(world)
    assert (world.phase, counts(world)) == ("Failed", (5, 0, 5))
    assert "maxDisruptions allows no more" in world.status.message


# A replica that has restarted alone, and then loses its pod.


@pytest.mark.parametrize(("name", "settled"), [(WORKER_1, (0, 1, 1)), (EVALUATOR, (0, 1, 1))])
def test_successor_of_a_failed_replica_that_is_deleted_costs_a_disruption(
    name: str, settled: tuple[int, int, int]
) -> None:
    world = running(**SERVERS)
    world.end(name, 1)
    play_restart(world)
    del world.pods[name]
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", settled)
    assert [failure.reason for failure in world.status.failures] == ["Error", "PodDeleted"]


def test_successor_of_a_failed_replica_that_only_the_cache_misses_is_not_lost() -> None:
    world = running(**SERVERS)
    world.end(WORKER_1, 1)
    play_restart(world)
    world.hidden.add(WORKER_1)
    world.settle()
    assert (world.status.reason, counts(world)) == ("Training", (0, 1, 0))


def test_replica_that_failed_before_a_suspension_and_is_deleted_after_it_costs_a_disruption() -> None:
    world = running(**SERVERS)
    world.end(WORKER_1, 1)
    world.settle()
    edit(world, suspend=True)
    world.settle()
    world.stop_deleted()
    edit(world, suspend=False)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (0, 1, 0))
    del world.pods[WORKER_1]
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (0, 1, 1))


def test_evaluator_that_may_not_start_again_stays_where_it_is_when_its_pod_is_removed() -> None:
    world = running(**SERVERS, maxRestarts=0)
    world.end(EVALUATOR, 1)
    world.settle()
    del world.pods[EVALUATOR]
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (0, 0, 0))
    assert world.created.count(EVALUATOR) == 1


# Ends that meet.


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


# Rules.


@pytest.mark.parametrize(("action", "restarts"), [("RestartJob", 1), ("FailJob", 0)])
def test_rule_for_the_whole_job_is_never_carried_out_for_an_evaluator(action: str, restarts: int) -> None:
    world = running(**SERVERS, failurePolicy={"rules": [{"action": action, "onReason": ["Error"]}]})
    world.end(EVALUATOR, 1)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (0, restarts, 0))
    assert world.created.count(EVALUATOR) == 1 + restarts


def test_rule_that_fails_the_job_holds_for_each_of_the_workers_that_fail_together() -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    world = running(**SERVERS, failurePolicy={"rules": [rule]})
    world.end(WORKER_0, 1)
    world.wait(2)
    world.end(WORKER_1, 42)
    world.settle()
    assert (world.phase, counts(world)) == ("Failed", (0, 0, 0))
    assert WORKER_1 in world.status.message


def test_echo_of_a_preemption_is_no_reason_to_fail() -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [143]}}
    world = running(**GROUP, failurePolicy={"rules": [rule]})
    world.change(WORKER_1, deleting=True, disruption="PreemptionByScheduler")
    world.end(WORKER_1, 137)
    world.end(WORKER_0, 1)
    world.settle()
    assert (world.phase, counts(world)) == ("Restarting", (1, 0, 1))


# Pods that somebody touches.


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


# The record.


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
