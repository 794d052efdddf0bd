"""Time: everything counts from stored moments, whoever was away and whichever way a clock has jumped."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.support.builders import CREATED
from tests.support.playing import GROUP, SERVERS, WORKER_0, WORKER_1, counts, edit, fail_group, play_restart, running
from tests.support.world import World
from trainingjob.api.times import parse_time
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, MainContainer, reconcile
from trainingjob.reconcile.deadlines import DEADLINE_EXCEEDED, PENDING_DEADLINE_EXCEEDED

HOUR = 3600
MPI: dict[str, Any] = {"mpi": {"nodes": 2}, "command": ["python", "x.py"]}
ELASTIC: dict[str, Any] = {
    "torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 3}},
    "command": ["python", "x.py"],
}


# An operator that was away.


def test_back_off_that_passed_while_nobody_was_there_is_not_waited_for_again() -> None:
    world = running(**GROUP)
    fail_group(world)
    world.stop_deleted()
    world.wait(HOUR)
    world.step()
    assert [world.created.count(name) for name in (WORKER_0, WORKER_1)] == [2, 2]


def test_settle_windows_that_passed_while_nobody_was_there_are_not_waited_for() -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 1)
    world.wait(HOUR)
    world.step()
    assert (world.phase, counts(world)) == ("Restarting", (1, 1, 0))


def test_time_for_the_launcher_begins_when_the_trouble_is_seen_and_is_over_after_an_absence() -> None:
    world = running(**MPI)
    world.end(WORKER_1, 1)
    world.settle()
    assert world.phase == "Running"
    world.wait(HOUR)
    world.step()
    assert (world.phase, counts(world)) == ("Restarting", (1, 1, 0))


def test_times_to_live_that_passed_while_nobody_was_there_are_over_at_the_first_look() -> None:
    world = running(podTTLSeconds=60, cleanPodPolicy="None")
    world.end(WORKER_0)
    world.settle()
    world.wait(HOUR)
    world.step()
    assert world.deleted == [WORKER_0]


def test_suspension_that_was_taken_back_while_nobody_was_there_stops_the_clock_until_it_is_seen() -> None:
    world = running(**GROUP, activeDeadlineSeconds=120)
    edit(world, suspend=True)
    world.settle()
    world.stop_deleted()
    edit(world, suspend=False)
    world.wait(HOUR)
    world.settle()
    world.start()
    world.settle()
    world.wait(59)
    world.settle()
    assert world.phase == "Running"
    world.wait(1)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


# Clocks that jump, and clocks that differ.


def test_clock_that_is_put_back_makes_no_back_off_longer_than_the_longest() -> None:
    world = running(**GROUP)
    fail_group(world)
    world.stop_deleted()
    world.wait(10 - HOUR)
    world.settle()
    assert [world.created.count(name) for name in (WORKER_0, WORKER_1)] == [2, 2]


def test_clock_that_is_put_back_does_not_hold_up_a_launcher_that_hangs() -> None:
    world = running(**MPI)
    world.end(WORKER_1, 1)
    world.settle()
    world.wait(30 - HOUR)
    world.step()
    assert world.phase == "Restarting"


def test_clock_that_was_ahead_for_a_while_leaves_no_deadline_behind() -> None:
    world = running(**GROUP, activeDeadlineSeconds=7200)
    world.wait(HOUR)
    world.settle()
    world.wait(-HOUR)
    world.settle()
    world.wait(7200 - 61)
    world.settle()
    assert world.phase == "Running"
    world.wait(1)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


def test_end_never_stands_before_the_start_when_the_clock_is_put_back() -> None:
    world = running()
    world.wait(-HOUR)
    world.end(WORKER_0)
    world.settle()
    assert parse_time(world.status.completion_time) >= parse_time(world.status.start_time)


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_clock_of_a_node_changes_no_deadline(seconds: int) -> None:
    world = World(**GROUP, activeDeadlineSeconds=100)
    world.settle()
    world.wait(10)
    for name in world.pods:
        started = world.now + timedelta(seconds=seconds)
        world.change(name, phase="Running", ready=True, main=MainContainer(started=started))
    world.settle()
    assert world.phase == "Running"
    world.wait(89)
    world.settle()
    assert world.phase == "Running"
    world.wait(11)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_failure_on_a_node_with_another_clock_is_counted_once_and_waited_for_by_nobody(seconds: int) -> None:
    world = running(**GROUP)
    world.end(WORKER_1, 1, at=world.now + timedelta(seconds=seconds))
    world.step()
    assert counts(world) == (1, 1, 0)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (1, 1, 0))


def test_workers_that_fail_after_the_primary_by_a_clock_that_is_a_little_behind_change_nothing() -> None:
    world = running(**GROUP)
    world.end(WORKER_0)
    world.end(WORKER_1, 1, at=world.now - timedelta(seconds=3))
    world.settle()
    assert world.phase == "Succeeded"


# Laws.

unhurried = settings(deadline=None, max_examples=50)

SPECS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(({}, GROUP, SERVERS, MPI, ELASTIC))
LIMITS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"maxRestarts": st.integers(0, 2), "maxDisruptions": st.integers(0, 2)},
    optional={
        "cleanPodPolicy": st.sampled_from(["None", "Running", "All"]),
        "podTTLSeconds": st.sampled_from([0, 50, 5000]),
        "onNodeLost": st.sampled_from(["ForceDelete", "Wait"]),
        "activeDeadlineSeconds": st.sampled_from([30, 20_000]),
        "pendingDeadlineSeconds": st.sampled_from([30, 20_000]),
    },
)
SECONDS = st.integers(-30, 60)
CODES = st.sampled_from([0, 0, 1, 137, 143])
REASONS = st.sampled_from(["Error", "OOMKilled", "StartError", "ContainerStatusUnknown"])
DISRUPTIONS = st.sampled_from(["", "", "PreemptionByScheduler", "DeletionByTaintManager", "TerminationByKubelet"])


def moment(seconds: int) -> datetime:
    """Return a time around that at which the job began."""
    return CREATED + timedelta(seconds=seconds)


MAINS = st.one_of(
    st.just(MainContainer()),
    st.builds(
        lambda reason: MainContainer(reason=reason), st.sampled_from(["ImagePullBackOff", "CreateContainerError"])
    ),
    st.builds(lambda at: MainContainer(started=moment(at)), SECONDS),
    st.builds(
        lambda at, code, reason: MainContainer(
            started=CREATED, ended=moment(at), exit_code=code, reason=reason if code else "Completed", message="words"
        ),
        SECONDS,
        CODES,
        REASONS,
    ),
)
PODS = st.fixed_dictionaries(
    {"main": MAINS, "phase": st.sampled_from(["Pending", "Running", "Running", "Failed", "Succeeded", "Unknown"])},
    optional={
        "disruption": DISRUPTIONS,
        "reason": st.sampled_from(["Evicted", "NodeLost", "OutOfcpu"]),
        "others_running": st.booleans(),
        "init_trouble": st.just("Error: init container 'prepare' ended with exit code 3"),
        "attempt": st.integers(0, 2),
        "unschedulable": st.just("0/1 nodes are available"),
    },
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a job that has run or waits, with pods in any state; some are gone."""
    world = World(**draw(SPECS), **draw(LIMITS))
    world.settle()
    if draw(st.booleans()):
        world.start()
        world.settle()
    for name in list(world.pods):
        match draw(st.integers(0, 4)):
            case 0:
                del world.pods[name]
            case 1:
                world.change(name, **draw(PODS))
            case 2:
                world.change(name, **draw(PODS), deleting=True, gone_by=moment(draw(SECONDS)))
            case _:
                pass
    world.now = moment(60)
    note(f"{world.job.spec}\n{world.job.status}\n{world.pods}")
    return world


def seen(world: World) -> Children:
    """Return what a controller sees of the world."""
    return Children(tuple(world.pods.values()), tuple(world.services.values()))


def test_failure_whose_cause_is_looked_for_when_the_deadline_passes_is_told() -> None:
    world = World(**GROUP, maxRestarts=0, activeDeadlineSeconds=58)
    world.settle()
    world.start()
    world.settle()
    world.wait(56)
    world.end(WORKER_0, 1)
    for _ in range(2):
        world.wait(3)
        world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "ProgramFailed")
    assert [failure.pod for failure in world.status.failures] == [WORKER_0]


@unhurried
@given(world=worlds())
def test_equal_arguments_give_equal_decisions(world: World) -> None:
    first = reconcile(world.job, seen(world), world.now, PlanOptions())
    again = reconcile(deepcopy(world.job), deepcopy(seen(world)), world.now, PlanOptions())
    assert first == again


@unhurried
@given(world=worlds(), jump=st.sampled_from([-HOUR, 0, 1, 29, 300, HOUR, 90_000]))
def test_look_asks_for_the_next_one_only_in_the_time_to_come(world: World, jump: int) -> None:
    for _ in range(4):
        decision = reconcile(world.job, seen(world), world.now, PlanOptions())
        assert decision.wake is None or decision.wake > world.now
        world.step()
        world.wait(jump)


@unhurried
@given(world=worlds(), jump=st.sampled_from([-HOUR, 0, 30, HOUR]))
def test_job_comes_to_rest_in_every_state_and_then_writes_nothing(world: World, jump: int) -> None:
    world.settle()
    world.wait(jump)
    world.settle()
    written = world.patches, list(world.created)
    for _ in range(3):
        world.step()
    assert (world.patches, world.created) == written


@unhurried
@given(world=worlds(), jumps=st.lists(st.sampled_from([-HOUR, -5, 5, 400, HOUR]), max_size=6))
def test_counters_never_go_down_and_an_end_stays_whatever_the_clock_does(world: World, jumps: list[int]) -> None:
    before, end = counts(world), None
    for jump in jumps:
        world.wait(jump)
        world.settle()
        world.stop_deleted()
        world.start()
        after = counts(world)
        assert all(now >= then for now, then in zip(after, before, strict=True))
        assert end in (None, world.phase)
        before, end = after, world.phase if world.status.finished else None


@unhurried
@given(world=worlds())
def test_absence_of_an_hour_leads_to_the_same_end_as_looks_in_between(world: World) -> None:
    there, away = world, deepcopy(world)
    for seconds in (5, 30, 65, 300, 800, 2400):
        there.settle()
        there.wait(seconds)
    away.now = there.now
    assert _brought_to_rest(away) == _brought_to_rest(there)


def _brought_to_rest(world: World) -> tuple[object, ...]:
    """Let all pass that is waited for, and return what has become of the job."""
    for _ in range(4):
        world.settle()
        world.wait(40)
        world.settle()
        world.stop_deleted()
        world.wait(3000)
    status = world.status
    told = [(failure.pod, failure.attempt, failure.failure_class) for failure in status.failures or []]
    if status.reason in (DEADLINE_EXCEEDED, PENDING_DEADLINE_EXCEEDED):
        # A job whose time is over waits for nobody, so that it tells as much as was seen at that moment.
        told = []
    return world.phase, counts(world), told, sorted(world.pods)
