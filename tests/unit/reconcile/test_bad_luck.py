"""Users with bad luck, and some who try: budgets changed on the way, successors that go as well, rules that collide."""

import pytest

from tests.support.playing import (
    EVALUATOR,
    GROUP,
    SERVERS,
    WORKER_0,
    WORKER_1,
    counts,
    edit,
    fail_group,
    play_restart,
    running,
)


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
