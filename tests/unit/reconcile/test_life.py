"""The life of a job from its creation to its end, pass by pass."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.world import ONE_ATTEMPT, World

PS = {"workers": 2, "servers": 1}


def started(**spec: Any) -> World:
    """Return a world whose job has started."""
    world = World(**{**ONE_ATTEMPT, **spec})
    world.settle()
    world.start()
    world.settle()
    return world


def test_new_job_gets_its_service_before_its_pods() -> None:
    world = World(parameterServer=PS)
    world.settle()
    assert world.created == ["mnist", "mnist-worker-0", "mnist-worker-1", "mnist-ps-0"]


def test_job_whose_pods_wait_is_pending_and_reconciling() -> None:
    world = World(parameterServer=PS)
    world.settle()
    assert (world.phase, world.status.reason, world.status.ready) == ("Pending", "Starting", "0/3")
    assert world.holds("Reconciling")
    assert world.condition("Finished") is None


def test_job_runs_once_every_replica_has_started() -> None:
    world = World(parameterServer=PS)
    world.settle()
    world.start("mnist-worker-0", "mnist-ps-0")
    world.settle()
    assert world.phase == "Pending"
    world.start("mnist-worker-1")
    world.settle()
    assert (world.phase, world.status.ready) == ("Running", "3/3")
    assert world.holds("Running")
    assert not world.holds("Reconciling")
    assert world.status.start_time == "2026-01-31T12:00:00Z"


def test_job_succeeds_with_worker_0_and_its_other_pods_are_stopped_afterwards() -> None:
    world = started(parameterServer=PS)
    world.wait(60)
    world.end("mnist-worker-0")
    world.step()
    assert world.phase == "Succeeded"
    assert world.deleted == []
    world.settle()
    assert world.deleted == ["mnist-worker-1", "mnist-ps-0"]
    assert world.holds("Succeeded")
    assert world.holds("Finished")
    assert world.status.completion_time == "2026-01-31T12:01:00Z"


def test_finished_job_counts_no_pod_as_active_once_they_are_gone() -> None:
    world = started(parameterServer=PS)
    world.end("mnist-worker-0")
    world.settle()
    world.stop_deleted()
    world.settle()
    assert {role: counts.active for role, counts in world.status.replicas.items()} == {"worker": 0, "ps": 0}


def test_usual_life_costs_four_patches_and_three_events() -> None:
    world = started(parameterServer=PS)
    world.end("mnist-worker-0")
    world.settle()
    world.stop_deleted()
    world.settle()
    assert world.patches <= 4
    assert [event.reason for event in world.events] == ["Created", "Training", "Succeeded"]


def test_job_at_rest_writes_nothing() -> None:
    world = started(parameterServer=PS)
    before = (world.patches, list(world.created))
    for _ in range(5):
        world.wait(1000)
        world.settle()
    assert (world.patches, world.created) == before


@pytest.mark.parametrize(
    ("policy", "deleted"),
    [
        ("None", set()),
        ("Running", {"mnist-ps-0", "mnist-worker-1"}),
        ("All", {"mnist-ps-0", "mnist-worker-0", "mnist-worker-1"}),
    ],
)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_clean_pod_policy_holds_on_every_terminal_path(policy: str, deleted: set[str], exit_code: int) -> None:
    world = started(parameterServer=PS, cleanPodPolicy=policy)
    world.end("mnist-worker-0", exit_code)
    world.settle()
    assert set(world.deleted) == deleted


def test_failed_pod_fails_the_job_with_its_evidence() -> None:
    world = started(parameterServer=PS)
    world.wait(5)
    world.end("mnist-worker-1", 3, message="Traceback\nValueError: no such file")
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "ProgramFailed")
    assert world.status.message == "Pod mnist-worker-1 failed with exit code 3: ValueError: no such file"
    (failure,) = world.status.failures
    assert (failure.pod, failure.role, failure.index, failure.exit_code, failure.reason, failure.time) == (
        "mnist-worker-1",
        "worker",
        1,
        3,
        "Error",
        "2026-01-31T12:00:05Z",
    )
    assert world.holds("Stalled")
    assert world.holds("Failed")
    assert world.holds("Finished")


def test_memory_kill_is_named_in_the_reason() -> None:
    world = started()
    world.end("mnist-worker-0", 137, reason="OOMKilled")
    world.settle()
    assert world.status.reason == "OOMKilled"
    assert world.status.message == "Pod mnist-worker-0 failed with exit code 137 (OOMKilled)."


def test_evicted_pod_without_container_status_fails_the_job_with_the_kubelets_words() -> None:
    world = started()
    world.change("mnist-worker-0", phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    world.settle()
    assert world.status.reason == "Evicted"
    assert "The node was low on resource: memory." in world.status.message


def test_missing_chief_gets_a_hint() -> None:
    world = started(parameterServer=PS)
    world.end("mnist-worker-0", 1, message='ValueError: If "cluster" is set TF_CONFIG, it must have one "chief" node.')
    world.settle()
    assert "set spec.parameterServer.chief" in world.status.message


def test_first_failure_is_the_cause_and_all_are_recorded() -> None:
    world = started(parameterServer=PS)
    world.wait(1)
    world.end("mnist-worker-1", 7)
    world.wait(2)
    world.end("mnist-worker-0", 1)
    world.settle()
    assert "mnist-worker-1" in world.status.message
    assert [failure.pod for failure in world.status.failures] == ["mnist-worker-1", "mnist-worker-0"]


@pytest.mark.parametrize(("seconds", "phase"), [(-5, "Failed"), (5, "Succeeded")])
def test_operator_that_was_away_judges_by_who_ended_first(seconds: int, phase: str) -> None:
    world = started(parameterServer=PS)
    world.wait(60)
    world.end("mnist-worker-0")
    world.wait(seconds)
    world.end("mnist-worker-1", 1)
    world.settle()
    assert world.phase == phase


def test_all_workers_policy_waits_for_every_worker() -> None:
    world = started(parameterServer=PS, successPolicy="AllWorkers")
    world.end("mnist-worker-0")
    world.settle()
    assert world.phase == "Running"
    world.end("mnist-worker-1")
    world.settle()
    assert world.phase == "Succeeded"


def test_chief_decides_where_there_is_one() -> None:
    world = started(multiWorker={"workers": 2, "chief": True})
    world.end("mnist-worker-0")
    world.settle()
    assert world.phase == "Running"
    world.end("mnist-chief-0")
    world.settle()
    assert world.phase == "Succeeded"


def test_program_that_ends_before_the_others_have_started_succeeds() -> None:
    world = World(parameterServer=PS)
    world.settle()
    world.start("mnist-worker-0")
    world.end("mnist-worker-0")
    world.settle()
    assert world.phase == "Succeeded"


def test_sidecar_that_outlives_the_program_does_not_hold_the_job_open() -> None:
    world = started()
    world.end("mnist-worker-0")
    world.change("mnist-worker-0", phase="Running", others_running=True)
    world.settle()
    assert world.phase == "Succeeded"
    assert world.deleted == ["mnist-worker-0"]


def test_pod_whose_last_phase_the_kubelet_has_not_written_yet_is_kept_with_its_log() -> None:
    world = started()
    world.end("mnist-worker-0")
    world.change("mnist-worker-0", phase="Running")
    world.settle()
    assert world.phase == "Succeeded"
    assert world.deleted == []


@pytest.mark.parametrize("exit_code", [0, 1])
def test_end_never_reverts_and_nothing_is_created_after_it(exit_code: int) -> None:
    world = started(parameterServer=PS)
    world.end("mnist-worker-0", exit_code)
    world.settle()
    end, created = world.phase, list(world.created)
    world.pods.clear()
    world.services.clear()
    world.wait(100_000)
    world.settle()
    assert (world.phase, world.created) == (end, created)


def test_deleted_job_is_left_to_the_garbage_collector() -> None:
    world = World(make_job(deleting=True))
    world.settle()
    assert world.created == []
    assert world.patches == 0


def test_completed_worker_is_never_started_again() -> None:
    world = started(parameterServer=PS)
    world.end("mnist-worker-1")
    world.settle()
    assert world.status.replicas["worker"].succeeded_indexes == "1"
    del world.pods["mnist-worker-1"]
    created = list(world.created)
    world.settle()
    assert (world.phase, world.created) == ("Running", created)


def test_pod_deleted_before_the_start_is_created_again() -> None:
    world = World(parameterServer=PS)
    world.settle()
    del world.pods["mnist-worker-1"]
    world.settle()
    assert world.created.count("mnist-worker-1") == 2


def test_pod_deleted_after_the_start_fails_the_job() -> None:
    world = started(parameterServer=PS)
    del world.pods["mnist-worker-1"]
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PodDeleted")
    assert world.status.message == "Pod mnist-worker-1 was deleted before its program had ended."


def test_pod_that_only_the_cache_misses_is_not_taken_for_lost() -> None:
    world = started(parameterServer=PS)
    world.hidden.add("mnist-worker-1")
    world.settle()
    assert world.phase == "Running"


def test_change_of_a_field_that_may_change_is_observed() -> None:
    world = started()
    world.job = make_job(generation=2, status=world.job.status.manifest(), evaluatorGraceSeconds=5)
    world.settle()
    assert world.status.observed_generation == 2
    assert world.phase == "Running"


def test_pod_whose_name_another_owner_has_taken_is_lost() -> None:
    world = started(parameterServer=PS)
    world.pods["mnist-worker-1"] = world.a_pod("mnist-worker-1", "somebody-else")
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PodDeleted")
    assert "mnist-worker-1" not in world.deleted
