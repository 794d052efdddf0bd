"""Restarts: counted once and first, waited for, and bounded; who pays depends on whose fault it was."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.playing import CHIEF, GROUP, PS, SERVERS, WORKER_0, WORKER_1
from tests.support.world import World
from trainingjob.api.times import parse_time
from trainingjob.reconcile.backoff import HEALTHY


def running(**spec: Any) -> World:
    """Return a world whose job runs."""
    world = World(**spec)
    world.settle()
    world.start()
    world.settle()
    assert world.phase == "Running"
    world.wait(60)
    return world


def play_restart(world: World) -> None:
    """Let what was decided happen: the old pods end, the wait is over, the new programs begin."""
    world.settle()
    world.stop_deleted()
    world.wait((parse_time(world.status.restart_time) - world.now).total_seconds())
    world.settle()
    world.start()
    world.settle()


def counts(world: World) -> tuple[int, int, int]:
    """Return attempt, restarts and disruptions."""
    return world.status.attempt, world.status.restarts, world.status.disruptions


def test_member_that_fails_starts_the_whole_group_anew_and_costs_one_restart() -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 1)
    world.end(WORKER_0, 1)
    world.settle()
    assert (world.phase, counts(world)) == ("Restarting", (1, 1, 0))
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (1, 1, 0))
    assert {pod.attempt for pod in world.pods.values()} == {1}
    assert {(f.pod, f.attempt) for f in world.status.failures} == {(WORKER_0, 0), (WORKER_1, 0)}


def test_restart_is_counted_before_the_first_pod_is_deleted() -> None:
    world = running(**GROUP)
    world.end(WORKER_0, 1)
    world.end(WORKER_1, 1)
    world.step()
    assert (counts(world), world.deleted) == ((1, 1, 0), [])
    world.step()
    assert set(world.deleted) == {WORKER_0, WORKER_1}


def test_nothing_is_created_before_the_old_pods_are_gone_and_the_wait_is_over() -> None:
    world = running(**GROUP)
    world.end(WORKER_0, 1)
    world.end(WORKER_1, 1)
    world.settle()
    created = len(world.created)
    world.wait(3600)
    world.settle()
    assert len(world.created) == created
    assert "2 pods of the attempt before are still ending" in world.status.message
    world.stop_deleted()
    world.settle()
    assert len(world.created) > created


def test_wait_doubles_with_every_restart_and_begins_anew_after_a_good_run() -> None:
    world = running(**GROUP, maxRestarts=20)
    waits = []
    for _ in range(8):
        world.end(WORKER_0, 1)
        world.end(WORKER_1, 1)
        world.settle()
        waits.append((parse_time(world.status.restart_time) - world.now).total_seconds())
        play_restart(world)
        world.wait(60)
    assert waits == [10, 20, 40, 80, 160, 320, 360, 360]
    world.wait(HEALTHY.total_seconds())
    world.end(WORKER_0, 1)
    world.end(WORKER_1, 1)
    world.settle()
    assert parse_time(world.status.restart_time) - world.now == timedelta(seconds=10)


def test_job_fails_once_its_restarts_are_used_up_and_says_so() -> None:
    world = running(**GROUP, maxRestarts=1)
    for _ in range(2):
        world.end(WORKER_0, 1, message="ValueError: no data")
        world.end(WORKER_1, 1)
        world.settle()
        if world.phase != "Failed":
            play_restart(world)
            world.wait(60)
    assert (world.phase, counts(world)) == ("Failed", (1, 1, 0))
    assert "started anew once; maxRestarts allows no more" in world.status.message


@pytest.mark.parametrize(
    ("pod", "kind"),
    [
        ({"disruption": "PreemptionByScheduler"}, "Disruption"),
        ({"disruption": "EvictionByEvictionAPI"}, "Disruption"),
        ({"disruption": "TerminationByKubelet", "reason": "Evicted"}, "Disruption"),
        ({"disruption": "DeletionByTaintManager"}, "NodeLost"),
        ({"deleting": True}, "Disruption"),
    ],
    ids=str,
)
def test_what_the_cluster_has_done_costs_a_disruption_and_no_restart(pod: dict[str, Any], kind: str) -> None:
    world = running(**GROUP, maxRestarts=0)
    world.end(WORKER_1, 137)
    world.change(WORKER_1, **pod)
    world.wait(1)
    world.end(WORKER_0, 1)
    world.settle()
    assert (world.phase, counts(world)) == ("Restarting", (1, 0, 1))
    assert {f.pod: f.failure_class for f in world.status.failures}[WORKER_1] == kind


def test_memory_kill_is_the_program_s_own() -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 137, reason="OOMKilled")
    world.end(WORKER_0, 1, at=world.now + timedelta(seconds=1))
    world.settle()
    assert counts(world) == (1, 1, 0)
    assert world.status.failures[0].failure_class == "OutOfMemory"


def test_disruptions_have_a_ceiling_of_their_own() -> None:
    world = running(**GROUP, maxDisruptions=0)
    del world.pods[WORKER_1]
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PodDeleted")


def test_worker_beside_servers_starts_anew_alone_and_is_counted_once() -> None:
    world = running(**SERVERS)
    uid = world.pods[WORKER_1].uid
    world.end(WORKER_1, 1)
    world.settle()
    assert (world.phase, world.status.reason, counts(world)) == ("Running", "ReplicaRestarting", (0, 1, 0))
    assert world.deleted == [WORKER_1]
    play_restart(world)
    assert counts(world) == (0, 1, 0)
    assert world.pods[WORKER_1].uid != uid
    assert world.status.restarting is None
    world.end(WORKER_1, 1)
    play_restart(world)
    assert counts(world) == (0, 2, 0)


@pytest.mark.parametrize("name", [PS, CHIEF])
def test_loss_of_a_server_or_chief_starts_the_whole_job_anew(name: str) -> None:
    world = running(**SERVERS)
    del world.pods[name]
    world.settle()
    assert (world.phase, counts(world)) == ("Restarting", (1, 0, 1))


def test_server_that_fails_with_its_workers_is_one_restart_of_the_whole() -> None:
    world = running(**SERVERS)
    world.end(WORKER_0, 1)
    world.wait(2)
    world.end(PS, 1)
    world.settle()
    assert counts(world) == (1, 1, 0)


def test_evaluator_starts_anew_alone_and_never_fails_the_job() -> None:
    world = running(**SERVERS, maxRestarts=1)
    world.end("mnist-evaluator-0", 1)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (0, 1, 0))
    world.end("mnist-evaluator-0", 1)
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (0, 1, 0))
    world.end(CHIEF)
    world.settle()
    assert world.phase == "Succeeded"


def test_completed_worker_runs_again_only_when_the_whole_job_does() -> None:
    world = running(**SERVERS)
    world.end(WORKER_0)
    world.settle()
    del world.pods[WORKER_0]
    world.end(WORKER_1, 1)
    play_restart(world)
    assert WORKER_0 not in world.pods
    world.end(PS, 1)
    play_restart(world)
    assert WORKER_0 in world.pods


@pytest.mark.parametrize(
    ("rule", "end", "expected"),
    [
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}, 42, ("Failed", 0, 0)),
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}, 1, ("Restarting", 1, 0)),
        (
            {"action": "FailJob", "onExitCodes": {"operator": "In", "ranges": [{"from": 1, "to": 9}]}},
            7,
            ("Failed", 0, 0),
        ),
        ({"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [42]}}, 1, ("Failed", 0, 0)),
        ({"action": "Ignore", "onExitCodes": {"operator": "In", "values": [143]}}, 143, ("Restarting", 0, 1)),
        ({"action": "FailJob", "onReason": ["Error"]}, 1, ("Failed", 0, 0)),
    ],
    ids=str,
)
def test_first_rule_that_matches_decides(rule: dict[str, Any], end: int, expected: tuple[str, int, int]) -> None:
    world = running(**GROUP, failurePolicy={"rules": [rule, {"action": "RestartJob", "onReason": ["Error"]}]})
    world.end(WORKER_0, end)
    world.end(WORKER_1, end)
    world.settle()
    assert (world.phase, world.status.restarts, world.status.disruptions) == expected


def test_rule_speaks_of_its_roles_alone() -> None:
    world = running(**SERVERS, failurePolicy={"rules": [{"action": "FailJob", "roles": ["ps"], "onReason": ["Error"]}]})
    world.end(WORKER_0, 1)
    play_restart(world)
    assert world.phase == "Running"
    world.end(PS, 1)
    world.settle()
    assert world.phase == "Failed"


def test_rule_on_a_condition_of_the_pod_matches() -> None:
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "reason": "PreemptionByScheduler"}]}
    world = running(**GROUP, failurePolicy={"rules": [rule]})
    world.change(WORKER_0, conditions=(("DisruptionTarget", "True", "PreemptionByScheduler"),))
    world.end(WORKER_0, 137)
    world.end(WORKER_1, 1)
    world.settle()
    assert world.phase == "Failed"


def test_pod_that_fails_before_every_replica_ran_is_counted_once() -> None:
    world = World(**SERVERS)
    world.settle()
    world.start(WORKER_1)
    world.end(WORKER_1, 1)
    world.settle()
    assert counts(world) == (0, 1, 0)
    world.stop_deleted()
    world.wait(10)
    world.settle()
    world.start()
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (0, 1, 0))


def test_pod_on_a_node_that_was_given_up_counts_at_once_and_frees_the_others() -> None:
    world = running(**GROUP)
    world.change(WORKER_1, deleting=True, disruption="DeletionByTaintManager", gone_by=world.now)
    world.settle()
    assert (world.phase, counts(world)) == ("Restarting", (1, 0, 1))
    assert world.deleted == [WORKER_0]
    assert world.status.failures[0].failure_class == "NodeLost"


@pytest.mark.parametrize("flush", [0, 600])
def test_pod_of_a_lost_node_is_removed_by_force_soon_however_long_its_uploads_may_take(flush: int) -> None:
    world = running(**GROUP, stopGraceSeconds=5)
    gone_by = world.now + timedelta(seconds=5 + flush)
    lost = {"disruption": "DeletionByTaintManager", "deleted_at": world.now, "gone_by": gone_by}
    world.change(WORKER_1, deleting=True, **lost)
    world.settle()
    world.wait(34)
    world.settle()
    assert WORKER_1 not in world.graces
    world.wait(1)
    world.settle()
    assert world.graces[WORKER_1] == 0


def test_pod_that_is_being_evicted_may_still_end_by_itself() -> None:
    world = running(**GROUP)
    world.change(WORKER_1, deleting=True, disruption="EvictionByEvictionAPI")
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (0, 0, 0))
    world.end(WORKER_0, 1, message="connection reset by peer")
    world.settle()
    assert counts(world) == (1, 0, 1)
    assert {failure.pod for failure in world.status.failures} == {WORKER_0, WORKER_1}
    assert "mnist-worker-1" in world.status.message


def test_evicted_pod_that_has_ended_is_counted_with_its_word_before_it_is_gone() -> None:
    world = running(**GROUP)
    world.change(
        WORKER_1, deleting=True, disruption="EvictionByEvictionAPI", disruption_message="Eviction API: evicting"
    )
    world.end(WORKER_1, 143)
    world.step()
    assert counts(world) == (1, 0, 1)
    (failure,) = world.status.failures
    assert (failure.reason, failure.message, failure.exit_code) == (
        "EvictionByEvictionAPI",
        "Eviction API: evicting",
        143,
    )
