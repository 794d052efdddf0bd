"""Gangs over time: pods that wait for others give way, and what a scheduler was told of an attempt goes with it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.strategy_jobs import elastic, mpi
from tests.support.world import World
from trainingjob.api.times import parse_time
from trainingjob.reconcile import RefusalKind
from trainingjob.reconcile.gang import GANG_TIMEOUT, retry_pause

GROUP: dict[str, Any] = {"multiWorker": {"workers": 3}}
WORKERS = ["mnist-worker-0", "mnist-worker-1", "mnist-worker-2"]
NAMES = [f"mnist-{JOB_UID[:8]}-a{attempt}" for attempt in range(3)]
TIMEOUT: dict[str, Any] = {"gang": {"timeoutSeconds": 60}}
VOLCANO: dict[str, Any] = {"gang": {"scheduler": "volcano"}}
NO_NODE = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
PLACED = (("PodScheduled", "True", ""),)


def place(world: World, *names: str) -> None:
    """Give pods a node, on which they do not run yet."""
    for name in names:
        world.change(name, conditions=PLACED, unschedulable="", scheduling_reason="")


def waiting(*placed: str, **spec: Any) -> World:
    """Return a world of which some pods have a node and the others find none."""
    world = World(**{**GROUP, **spec})
    world.settle()
    for name in world.pods:
        world.change(name, unschedulable=NO_NODE, scheduling_reason="Unschedulable")
    place(world, *placed)
    world.settle()
    return world


def change(world: World, **spec: Any) -> None:
    """Change the spec as a user does."""
    world.job = replace(world.job, spec=make_job(**spec).spec, generation=world.job.generation + 1)


def counts(world: World) -> tuple[int, int, int, int]:
    """Return attempt, restarts, disruptions and how often the pods gave way."""
    status = world.status
    return status.attempt, status.restarts, status.disruptions, status.gang_retries or 0


def test_pods_that_wait_too_long_for_the_others_give_way_and_come_back_at_no_charge() -> None:
    world = waiting(*WORKERS[:2], **TIMEOUT)
    world.wait(59)
    world.settle()
    assert (world.status.reason, world.deleted) == ("Unschedulable", [])
    world.wait(1)
    world.step()
    assert (world.status.reason, counts(world), world.deleted) == (GANG_TIMEOUT, (1, 0, 0, 1), [])
    assert world.status.message.startswith(
        "After 60 s 2 of 3 pods, which must all, have a node; mnist-worker-2 found none: " + NO_NODE
    )
    world.settle()
    assert world.deleted == WORKERS
    world.stop_deleted()
    world.settle()
    assert world.pods == {}
    world.now = parse_time(world.status.gang_retry_time)
    world.settle()
    assert {pod.attempt for pod in world.pods.values()} == {1}
    world.start()
    world.settle()
    assert (world.phase, counts(world)) == ("Running", (1, 0, 0, 1))


@pytest.mark.parametrize(
    ("spec", "pods", "enough"),
    [
        (GROUP, 3, 3),
        ({**GROUP, "gang": {"timeoutSeconds": 60, "minAvailable": 2}}, 3, 2),
        (elastic(2, 4, nodes=4), 4, 2),
        ({"multiWorker": {"workers": 2, "evaluator": True}}, 3, 2),
    ],
    ids=["all", "some", "elastic", "evaluator"],
)
def test_pods_stay_when_as_many_have_a_node_as_must(spec: dict[str, Any], pods: int, enough: int) -> None:
    for placed, stays in ((enough - 1, False), (enough, True)):
        world = World(**{**TIMEOUT, **spec})
        world.settle()
        names = list(world.pods)
        assert len(names) == pods
        place(world, *names[:placed])
        world.wait(3600)
        world.settle()
        assert (world.deleted == []) == stays


def test_the_launcher_and_the_evaluator_are_not_waited_for() -> None:
    world = World(**mpi(nodes=2), **TIMEOUT)
    world.settle()
    place(world, "mnist-worker-0", "mnist-worker-1")
    world.wait(3600)
    world.settle()
    assert world.deleted == []


def test_pods_that_a_quota_refuses_let_the_others_give_way() -> None:
    world = World(**GROUP, **TIMEOUT)
    world.refused = {WORKERS[2]: (RefusalKind.QUOTA, "exceeded quota")}
    world.settle()
    place(world, *WORKERS[:2])
    world.wait(60)
    world.step()
    assert "mnist-worker-2 found none: it could not be created" in world.status.message


def test_gang_that_has_started_never_gives_way() -> None:
    world = World(**GROUP, **TIMEOUT)
    world.settle()
    world.start()
    world.settle()
    world.wait(3600)
    world.settle()
    assert (world.phase, world.deleted) == ("Running", [])


def test_decision_is_the_same_after_an_operator_was_away() -> None:
    late, prompt = (waiting(*WORKERS[:2], **TIMEOUT) for _ in range(2))
    late.wait(7200)
    prompt.wait(60)
    for world in (late, prompt):
        world.step()
    assert counts(late) == counts(prompt)
    assert late.now < parse_time(late.status.gang_retry_time) <= late.now + timedelta(seconds=20)


def test_tries_are_bounded_by_the_pending_deadline_which_they_do_not_move() -> None:
    world = waiting(*WORKERS[:2], **TIMEOUT, pendingDeadlineSeconds=600)
    begun, tries = world.now, 0
    while world.phase in ("Pending", "Restarting"):
        world.settle()
        world.stop_deleted()
        world.wait(10)
        tries = world.status.gang_retries or 0
    assert (world.phase, world.status.reason) == ("Failed", "PendingDeadlineExceeded")
    assert tries >= 3
    assert timedelta(seconds=600) <= world.now - begun <= timedelta(seconds=630)


def test_partial_start_does_not_begin_the_time_to_run_in() -> None:
    world = waiting(*WORKERS[:2], **TIMEOUT, activeDeadlineSeconds=30)
    world.start(*WORKERS[:2])
    world.settle()
    world.wait(60)
    world.step()
    assert (world.status.reason, world.status.start_time) == (GANG_TIMEOUT, None)


def test_resumed_job_does_not_wait_for_a_try_of_before() -> None:
    world = waiting(*WORKERS[:2], **TIMEOUT)
    world.wait(60)
    world.settle()
    world.stop_deleted()
    change(world, **GROUP, **TIMEOUT, suspend=True)
    world.settle()
    change(world, **GROUP, **TIMEOUT)
    world.settle()
    assert set(world.pods) == set(WORKERS)
    assert world.status.gang_retries == 1


@pytest.mark.parametrize("nth", range(1, 12))
def test_pauses_double_up_to_their_bound_and_differ_from_job_to_job(nth: int) -> None:
    pauses = {retry_pause(f"uid-{number}", nth) for number in range(50)}
    longest = min(timedelta(minutes=6), timedelta(seconds=10) * 2**nth)
    assert len(pauses) == 50
    assert all(longest / 2 <= pause <= longest for pause in pauses)
    assert retry_pause("uid-1", nth) == retry_pause("uid-1", nth)


class Slots:
    """Three places for two jobs of three pods each, given away one by one in turns: neither can ever start."""

    def __init__(self, uids: tuple[str, str]) -> None:
        group: dict[str, Any] = {"multiWorker": {"workers": 3}, "gang": {"timeoutSeconds": 30}}
        self.worlds = [World(make_job(uid, uid=uid, **group)) for uid in uids]

    def second(self, turn: int) -> None:
        """Let a second pass: pods find places, groups that are complete run, those that were deleted go."""
        for world in (self.worlds[turn % 2], self.worlds[1 - turn % 2]):
            world.settle()
            world.stop_deleted()
            free = 3 - sum(bool(pod.conditions) for other in self.worlds for pod in other.pods.values())
            # One for each job and second, as a scheduler does that takes the pods in the order of their creation.
            for pod in [pod for pod in world.pods.values() if not pod.conditions][: min(1, free)]:
                place(world, pod.name)
            if sum(bool(pod.conditions) for pod in world.pods.values()) == 3:
                self._run(world)
        for world in self.worlds:
            world.now += timedelta(seconds=1)
            if world.phase == "Succeeded":
                world.pods = {}

    def _run(self, world: World) -> None:
        """Start a complete group, and end it after a minute."""
        begun = [pod.main.started for pod in world.pods.values() if pod.main.started]
        if not begun:
            world.start()
        elif world.now > max(begun) + timedelta(seconds=60):
            for name in world.pods:
                world.end(name)


@pytest.mark.parametrize("number", range(20))
def test_two_jobs_that_hold_each_others_places_both_come_to_their_end(number: int) -> None:
    slots = Slots((f"job-a{number}", f"job-b{number}"))
    for turn in range(3600):
        if all(world.phase == "Succeeded" for world in slots.worlds):
            break
        slots.second(turn)
    assert [world.phase for world in slots.worlds] == ["Succeeded", "Succeeded"]
    assert any(world.status.gang_retries for world in slots.worlds)
    assert all((world.status.restarts, world.status.disruptions) == (0, 0) for world in slots.worlds)


def test_pod_group_is_made_before_the_pods_and_goes_with_the_end() -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    assert world.created.index(NAMES[0]) < world.created.index(WORKERS[0])
    world.start()
    world.settle()
    assert list(world.pod_groups) == [NAMES[0]]
    for name in WORKERS:
        world.end(name)
    world.step()
    assert (world.phase, list(world.pod_groups)) == ("Succeeded", [NAMES[0]])
    world.settle()
    assert (world.pod_groups, world.step()) == ({}, False)


@pytest.mark.parametrize("change_to", [{"cancel": True}, {"suspend": True}])
def test_pod_group_of_a_job_that_is_stopped_goes_after_the_word_is_written(change_to: dict[str, Any]) -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    change(world, **GROUP, **VOLCANO, **change_to)
    world.step()
    assert list(world.pod_groups) == [NAMES[0]]
    world.settle()
    assert world.pod_groups == {}


def test_resumed_job_gets_a_new_pod_group_with_what_was_changed() -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    change(world, **GROUP, **VOLCANO, suspend=True)
    world.settle()
    world.stop_deleted()
    change(world, multiWorker={"workers": 2}, gang={"scheduler": "volcano", "queue": "night"})
    world.settle()
    spec = world.pod_groups[NAMES[0]]["spec"]
    assert (spec["minMember"], spec["queue"]) == (2, "night")


def test_job_is_not_resumed_before_its_old_pod_group_is_gone() -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    change(world, **GROUP, **VOLCANO, suspend=True)
    world.step()
    world.pods.clear()
    change(world, **GROUP, **VOLCANO)
    world.step()
    assert world.pod_groups == {}
    world.settle()
    assert (world.phase, list(world.pod_groups)) == ("Pending", [NAMES[0]])


def test_each_attempt_gets_its_own_pod_group_once_that_of_the_last_is_gone() -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    world.start()
    world.settle()
    world.end(WORKERS[0], 1)
    world.wait(10)
    world.settle()
    assert (world.status.attempt, world.pod_groups) == (1, {})
    world.stop_deleted()
    world.wait(10)
    world.settle()
    assert list(world.pod_groups) == [NAMES[1]]
    assert set(world.pods) == set(WORKERS)


def test_running_attempt_asks_for_no_pod_group_of_before_when_the_operator_starts_anew() -> None:
    world = World(**GROUP, **VOLCANO)
    world.settle()
    world.start()
    world.settle()
    world.end(WORKERS[0], 1)
    world.wait(10)
    world.settle()
    world.stop_deleted()
    world.wait(10)
    world.settle()
    world.start()
    world.settle()
    world.pod_groups_gone = frozenset()
    assert (world.phase, world.status.attempt, world.step()) == ("Running", 1, False)
    assert list(world.pod_groups) == [NAMES[1]]


def test_pods_wait_for_a_pod_group_that_cannot_be_made() -> None:
    world = World(**GROUP, **VOLCANO)
    world.refused = {NAMES[0]: (RefusalKind.GANG_SCHEDULER, "PodGroup's CRD is not installed")}
    world.step()
    assert (world.phase, world.status.reason) == ("Pending", "GangSchedulerMissing")
    assert "PodGroup's CRD is not installed" in world.status.message


def test_volcanos_pods_give_way_too_and_coscheduling_sees_to_it_itself() -> None:
    ours = waiting(*WORKERS[:2], gang={"scheduler": "volcano", "timeoutSeconds": 60})
    theirs = waiting(*WORKERS[:2], gang={"scheduler": "coscheduling", "timeoutSeconds": 60})
    for world in (ours, theirs):
        world.wait(60)
        world.settle()
    assert (ours.status.gang_retries, theirs.status.gang_retries) == (1, None)


def test_job_in_a_queue_of_kueue_says_in_which() -> None:
    world = World(**GROUP, gang={"scheduler": "kueue", "queue": "team-a"})
    world.settle()
    for name in WORKERS:
        world.change(name, scheduling_reason="SchedulingGated")
    world.settle()
    assert (world.phase, world.status.reason) == ("Pending", "Queued")
    assert world.status.message == "Pod mnist-worker-0 (and 2 more) waits for Kueue to admit the job to queue team-a."


def test_with_kueue_every_replica_starts_anew_for_the_failure_of_one() -> None:
    servers: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 1}}
    for gang, attempt in (({}, 0), ({"gang": {"scheduler": "kueue", "queue": "team-a"}}, 1)):
        world = World(**{**servers, **gang})
        world.settle()
        world.start()
        world.settle()
        world.end("mnist-worker-1", 1)
        world.wait(10)
        world.settle()
        assert (world.status.attempt, world.status.restarts) == (attempt, 1)
