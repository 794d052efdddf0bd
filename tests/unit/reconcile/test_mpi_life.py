"""The life of an MPI job: the launcher waits for its workers and decides the end; who was lost is named."""

from typing import Any

import pytest

from tests.support.world import ONE_ATTEMPT, World
from trainingjob.reconcile import MainContainer
from trainingjob.reconcile.settling import SETTLE

LAUNCHER, WORKER_0, WORKER_1 = "mnist-launcher-0", "mnist-worker-0", "mnist-worker-1"
MPI: dict[str, Any] = {**ONE_ATTEMPT, "command": ["python", "train.py"], "mpi": {"nodes": 2}}
LOST_CONNECTION = "Connection to mnist-worker-1.mnist closed by remote host.\n-----\nadvice\n-----\n"


def created(**spec: Any) -> World:
    """Return a world whose pods are created."""
    world = World(**{**MPI, **spec})
    world.settle()
    return world


def running(**spec: Any) -> World:
    """Return a world whose job runs."""
    world = created(**spec)
    world.start()
    world.settle()
    assert world.phase == "Running"
    world.wait(60)
    return world


def delete(world: World, name: str) -> None:
    """Delete a pod as a user does: it is marked, and its program is told to end."""
    world.change(name, deleting=True)


def test_service_files_and_keys_exist_before_the_pods() -> None:
    world = created()
    uid = world.job.uid[:8]
    assert world.created == ["mnist", f"mnist-{uid}-mpi", f"mnist-{uid}-a0", LAUNCHER, WORKER_0, WORKER_1]


def test_job_says_how_many_workers_are_up_until_the_launcher_s_program_has_begun() -> None:
    world = created()
    assert (world.phase, world.status.reason) == ("Pending", "WaitingForWorkers")
    assert world.status.message.startswith("0 of 2 workers accept connections; the launcher waits for mnist-worker-0")
    world.start(WORKER_0)
    world.change(WORKER_1, phase="Running", main=MainContainer(started=world.now))
    world.settle()
    assert world.status.message == "1 of 2 workers accept connections; the launcher waits for mnist-worker-1."
    world.change(WORKER_1, ready=True)
    world.start(LAUNCHER)
    world.settle()
    assert (world.phase, world.status.ready) == ("Running", "3/3")


def test_reason_stays_until_the_launcher_has_begun_however_long_it_waits_for_its_workers() -> None:
    world = created()
    world.change(LAUNCHER, init_running=True)
    world.start(WORKER_0)
    world.settle()
    world.change(WORKER_1, init_running=True)
    world.wait(600)
    world.settle()
    assert world.status.reason == "WaitingForWorkers"
    world.start(WORKER_1)
    world.settle()
    assert world.status.reason == "WaitingForWorkers"
    assert world.status.message == "2 of 2 workers accept connections; the launcher is about to begin."


def test_waiting_for_workers_is_no_warning() -> None:
    assert [event.reason for event in running().events] == ["Created", "Training"]


def test_end_of_the_launcher_is_the_end_of_the_job_and_stops_the_workers() -> None:
    world = running()
    world.end(LAUNCHER)
    world.settle()
    assert (world.phase, world.status.reason) == ("Succeeded", "PrimarySucceeded")
    assert world.deleted == [WORKER_0, WORKER_1]


def test_usual_life_costs_four_patches() -> None:
    world = running()
    world.end(LAUNCHER)
    world.settle()
    world.stop_deleted()
    world.settle()
    assert world.patches <= 4


def test_rank_that_fails_is_told_with_its_number_and_exit_code() -> None:
    world = running()
    words = "-----\nmpirun detected …\n\n  Process name: [[20613,1],1]\n  Exit code:    3\n--------\n"
    world.end(LAUNCHER, 3, message=words)
    world.settle()
    assert world.phase == "Failed"
    assert world.status.message == "Pod mnist-launcher-0 failed with exit code 3: rank 1 ended with exit code 3"
    assert (world.status.failures[0].role, world.status.failures[0].index) == ("launcher", 0)


def test_worker_that_was_deleted_is_the_cause_when_the_launcher_ends_first() -> None:
    world = running()
    delete(world, WORKER_1)
    world.end(LAUNCHER, 255, message=LOST_CONNECTION)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PodDeleted")
    assert world.status.message == "Pod mnist-worker-1 was deleted before its program had ended."


def test_worker_that_is_gone_is_the_cause_when_the_launcher_ends_first() -> None:
    world = running()
    del world.pods[WORKER_1]
    world.end(LAUNCHER, 255, message=LOST_CONNECTION)
    world.settle()
    assert world.status.reason == "PodDeleted"
    assert "mnist-worker-1" in world.status.message


def test_launcher_may_end_by_itself_after_a_worker_and_its_log_is_kept() -> None:
    world = running()
    world.end(WORKER_1, 137, reason="OOMKilled")
    world.settle()
    assert (world.phase, world.status.reason) == ("Running", "OOMKilled")
    assert world.deleted == []
    world.wait(2)
    world.end(LAUNCHER, 255, message=LOST_CONNECTION)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "OOMKilled")
    assert world.status.message.startswith("Pod mnist-worker-1 failed with exit code 137 (OOMKilled)")
    assert world.deleted == [WORKER_0]


def test_launcher_that_hangs_after_a_worker_was_lost_is_not_waited_for() -> None:
    world = running()
    del world.pods[WORKER_1]
    world.settle()
    assert world.phase == "Running"
    world.wait(SETTLE.total_seconds() - 1)
    world.settle()
    assert world.phase == "Running"
    world.wait(1)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PodDeleted")
    assert set(world.deleted) == {LAUNCHER, WORKER_0}


def test_launcher_that_ends_well_without_a_worker_makes_the_job_succeed() -> None:
    world = running()
    world.end(WORKER_1, 1)
    world.settle()
    world.wait(5)
    world.end(LAUNCHER)
    world.settle()
    assert world.phase == "Succeeded"


def test_of_pods_that_ended_in_the_same_second_the_worker_is_the_cause() -> None:
    world = running()
    world.end(LAUNCHER, 255, message=LOST_CONNECTION)
    world.end(WORKER_1, 1, message="sshd has ended with exit code 1.")
    world.settle()
    assert world.status.message == "Pod mnist-worker-1 failed with exit code 1: sshd has ended with exit code 1."


@pytest.mark.parametrize("name", [WORKER_1, LAUNCHER])
def test_pod_that_cannot_be_prepared_fails_the_job_with_its_own_sentence(name: str) -> None:
    world = created()
    words = "The image has no sshd: a worker of an MPI job needs an OpenSSH server (openssh-server)."
    world.change(name, phase="Failed", init_name="prepare", init_exit_code=127, init_message=words)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PreparationFailed")
    assert world.status.message == f"Pod {name} could not be prepared with exit code 127: {words}"
    (failure,) = world.status.failures
    assert (failure.pod, failure.exit_code, failure.message) == (name, 127, words)
