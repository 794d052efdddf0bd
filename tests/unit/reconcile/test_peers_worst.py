"""The worst that operators of this kind have been reported to do, each told as a story that ends well here."""

from typing import Any

from tests.support.builders import make_job
from tests.support.playing import counts, edit, play_restart, running
from tests.support.world import World
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, DeleteJob, reconcile

WORKERS = ["mnist-worker-0", "mnist-worker-1"]
GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
SERVERS: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 2}}
MPI: dict[str, Any] = {"mpi": {"nodes": 2}, "command": ["python", "train.py"]}
DAY = 24 * 3600


def test_completed_worker_that_is_collected_as_garbage_never_runs_again() -> None:
    world = running(**SERVERS)
    world.end(WORKERS[1])
    world.settle()
    del world.pods[WORKERS[1]]
    for _ in range(3):
        world.wait(3600)
        world.settle()
    assert world.created.count(WORKERS[1]) == 1
    world.end(WORKERS[0])
    world.settle()
    assert (world.phase, counts(world)) == ("Succeeded", (0, 0, 0))


def test_completed_job_whose_pods_are_all_collected_as_garbage_never_runs_again() -> None:
    world = running(**GROUP)
    world.end(WORKERS[0])
    world.settle()
    created = len(world.created)
    world.pods.clear()
    world.services.clear()
    world.wait(DAY)
    world.settle()
    assert (world.phase, len(world.created)) == ("Succeeded", created)


def test_budget_is_not_given_back_when_pods_vanish_or_the_job_is_suspended() -> None:
    world = running(**GROUP, maxRestarts=2)
    for _ in range(2):
        world.end(WORKERS[0], 1)
        world.end(WORKERS[1], 1)
        play_restart(world)
        edit(world, suspend=True)
        world.settle()
        world.pods.clear()
        edit(world, suspend=False)
        world.wait(DAY)
        world.settle()
        world.start()
        world.settle()
    assert (world.phase, world.status.restarts) == ("Running", 2)
    world.end(WORKERS[0], 1)
    world.end(WORKERS[1], 1)
    world.settle()
    assert world.phase == "Failed"


def test_program_that_always_fails_does_not_restart_for_ever() -> None:
    world = running(**SERVERS, maxRestarts=5)
    for _ in range(50):
        if world.phase != "Failed":
            world.end(WORKERS[1], 1)
            play_restart(world)
            world.wait(DAY)
    assert (world.phase, world.status.restarts) == ("Failed", 5)


def test_evicted_pod_fails_no_job_that_may_not_restart_at_all() -> None:
    world = running(**GROUP, maxRestarts=0)
    world.change(WORKERS[1], reason="Evicted", message="low on memory", disruption="TerminationByKubelet")
    world.end(WORKERS[1], 137)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (1, 0, 1))


def test_pod_that_runs_on_while_it_is_deleted_is_no_failure() -> None:
    world = running(**GROUP, maxRestarts=0)
    world.change(WORKERS[1], deleting=True)
    world.settle()
    assert world.phase == "Running"
    world.stop_deleted()
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (1, 0, 1))


def test_job_never_runs_again_after_it_has_succeeded_whatever_a_late_cache_shows() -> None:
    world = running(**GROUP)
    late = Children(tuple(world.pods.values()), tuple(world.services.values()))
    world.end(WORKERS[0])
    world.settle()
    assert world.phase == "Succeeded"
    decision = reconcile(world.job, late, world.now, PlanOptions())
    assert decision.status is not None
    assert decision.status.phase == "Succeeded"
    conditions = {condition.type: condition.status for condition in decision.status.conditions or []}
    assert (conditions["Running"], conditions["Succeeded"]) == ("False", "True")


def test_parameter_servers_do_not_outlive_their_job() -> None:
    for exit_code in (0, 1):
        world = running(**SERVERS, maxRestarts=0)
        world.end(WORKERS[0], exit_code)
        world.settle()
        assert {"mnist-ps-0", "mnist-ps-1"} <= set(world.deleted)


def test_workers_of_an_mpi_job_hold_no_gpu_once_their_launcher_was_evicted() -> None:
    world = running(**MPI, maxDisruptions=0)
    world.change("mnist-launcher-0", phase="Failed", reason="Evicted", disruption="TerminationByKubelet")
    world.settle()
    assert world.phase == "Failed"
    assert set(world.deleted) == set(WORKERS)


def test_launcher_that_hangs_after_a_worker_has_died_is_not_waited_for() -> None:
    world = running(**MPI)
    world.end(WORKERS[1], 137, reason="OOMKilled")
    world.settle()
    world.wait(30)
    play_restart(world)
    assert (world.phase, counts(world)) == ("Running", (1, 1, 0))


def test_job_is_deleted_at_the_second_its_time_is_over_and_not_at_some_later_round() -> None:
    world = running(ttlSecondsAfterFinished=60)
    world.end(WORKERS[0])
    world.settle()
    seen = Children(tuple(world.pods.values()), tuple(world.services.values()))
    decision = reconcile(world.job, seen, world.now, PlanOptions())
    assert decision.wake is not None
    at_that_time = reconcile(world.job, seen, decision.wake, PlanOptions())
    assert [type(action) for action in at_that_time.actions] == [DeleteJob]


def test_job_that_is_created_again_after_its_time_to_live_has_a_budget_and_no_past_of_its_own() -> None:
    world = running(**GROUP, maxRestarts=1, ttlSecondsAfterFinished=0)
    world.end(WORKERS[0], 1)
    world.end(WORKERS[1], 1)
    play_restart(world)
    again = World(make_job(uid="22222222-2222-4333-8444-555555555555", spec=GROUP))
    again.pods = dict(world.pods)
    again.settle()
    assert (again.phase, again.status.reason, counts(again)) == ("Pending", "WaitingForOldPods", (0, 0, 0))
    assert again.deleted == []
    again.pods.clear()
    again.settle()
    again.start()
    again.settle()
    assert (again.phase, counts(again)) == ("Running", (0, 0, 0))


def test_restart_of_a_group_never_mixes_its_attempts() -> None:
    world = running(**GROUP)
    world.end(WORKERS[0], 1)
    world.end(WORKERS[1], 1)
    world.settle()
    del world.pods[WORKERS[0]]
    world.wait(DAY)
    world.settle()
    assert list(world.pods) == [WORKERS[1]]
    world.stop_deleted()
    world.settle()
    assert {pod.attempt for pod in world.pods.values()} == {1}


def test_part_of_a_group_that_finds_no_place_does_not_hold_its_gpus_longer_than_the_user_says() -> None:
    world = World(**GROUP, pendingDeadlineSeconds=300, cleanPodPolicy="None")
    world.settle()
    world.start(WORKERS[0])
    world.change(WORKERS[1], unschedulable="0/3 nodes are available", scheduling_reason="Unschedulable")
    world.settle()
    world.wait(300)
    world.settle()
    assert (world.phase, set(world.deleted)) == ("Failed", set(WORKERS))


def test_cluster_that_interrupts_for_ever_is_not_fought_for_ever() -> None:
    world = running(**GROUP, maxDisruptions=3)
    for _ in range(10):
        if world.phase != "Failed":
            world.change(WORKERS[1], disruption="PreemptionByScheduler")
            world.end(WORKERS[1], 143)
            play_restart(world)
    assert (world.phase, counts(world)) == ("Failed", (3, 0, 3))
