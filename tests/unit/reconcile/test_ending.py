"""The end of a job that keeps artifacts: its outcome first, then what was uploaded, then the end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.playing import edit
from tests.support.uploads import DIGEST, EVERY, keeping, prefix, report, uploaded
from tests.support.world import ONE_ATTEMPT, World
from trainingjob.api.times import format_time, parse_time
from trainingjob.plan import PlanOptions, plan_job

WORKER = "mnist-worker-0"
OTHER = "mnist-worker-1"
LONGEST = 30 + 600 + 60
"""stopGraceSeconds, flushSeconds and a minute."""
GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}


def trained(**spec: Any) -> World:
    """Return a world whose primary has just ended with success while its sidecar uploads."""
    world = keeping(**spec)
    world.end(WORKER)
    world.settle()
    return world


def complete(world: World) -> tuple[str, str]:
    """Return status and reason of the condition ArtifactsComplete."""
    condition = world.condition("ArtifactsComplete")
    assert condition is not None
    return condition.status, condition.reason


def test_outcome_is_written_at_once_and_the_end_with_what_was_uploaded() -> None:
    world = trained()
    assert (world.phase, world.status.reason) == ("Finalizing", "UploadingArtifacts")
    ending = world.status.ending
    assert (ending.phase, ending.reason, ending.time) == ("Succeeded", "PrimarySucceeded", format_time(world.now))
    assert not world.holds("Finished")
    assert not world.holds("Running")
    assert world.status.completion_time is None
    patches = world.patches
    world.wait(100)
    uploaded(world, WORKER, report(WORKER, metrics=[{"name": "loss", "value": 0.5, "step": 10}]))
    world.settle()
    assert world.patches == patches + 1
    assert (world.phase, world.status.reason) == ("Succeeded", "PrimarySucceeded")
    assert world.status.ending == ending
    assert complete(world) == ("True", "Uploaded")
    assert world.status.artifacts[0].manifest() == {
        "name": "worker-0",
        "uri": prefix(WORKER),
        "sha256": DIGEST,
        "files": 3,
        "bytes": 4096,
        "complete": True,
    }
    assert [metric.manifest() for metric in world.status.metrics] == [{"name": "loss", "value": 0.5, "step": 10}]
    assert world.status.completion_time == format_time(world.now)


def test_end_whose_upload_is_known_already_is_written_at_once() -> None:
    world = keeping()
    world.end(WORKER)
    uploaded(world, WORKER)
    patches = world.patches
    world.settle()
    assert (world.phase, complete(world), world.patches) == ("Succeeded", ("True", "Uploaded"), patches + 1)


def test_failure_is_kept_with_what_was_uploaded_of_it() -> None:
    world = keeping(**ONE_ATTEMPT)
    world.end(WORKER, 3, message="ValueError: nan")
    world.settle()
    assert (world.phase, world.status.ending.phase) == ("Finalizing", "Failed")
    assert not world.holds("Failed")
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "ProgramFailed")
    assert "ValueError: nan" in world.status.message
    assert complete(world) == ("True", "Uploaded")


def test_failure_with_another_attempt_waits_for_no_upload_and_gives_the_sidecar_its_time() -> None:
    world = keeping()
    world.end(WORKER, 3)
    world.settle()
    assert (world.phase, world.status.ending) == ("Restarting", None)
    assert world.graces[WORKER] == 30 + 600


def test_end_waits_no_longer_than_the_times_that_the_job_gives() -> None:
    world = trained()
    world.wait(LONGEST - 1)
    world.settle()
    assert world.phase == "Finalizing"
    world.wait(1)
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("False", "SidecarLost"))
    (artifact,) = world.status.artifacts
    assert (artifact.uri, artifact.complete, artifact.sha256) == (prefix(WORKER), False, None)


def test_program_that_still_runs_is_stopped_once_and_its_pod_stays() -> None:
    world = keeping(EVERY, **GROUP, **ONE_ATTEMPT)
    world.end(OTHER, 1)
    world.settle()
    assert (world.phase, world.stopped, world.deleted) == ("Finalizing", [WORKER], [])
    world.wait(5)
    world.settle()
    assert world.stopped == [WORKER]
    world.end(WORKER, 143)
    world.settle()
    uploaded(world, WORKER)
    uploaded(world, OTHER)
    world.settle()
    assert (world.phase, complete(world)) == ("Failed", ("True", "Uploaded"))
    assert [artifact.name for artifact in world.status.artifacts] == ["worker-0", "worker-1"]
    assert [failure.pod for failure in world.status.failures] == [OTHER]


def test_worker_of_an_mpi_job_uploads_when_the_launcher_has_ended() -> None:
    world = keeping(mpi={"nodes": 2}, command=["python", "train.py"])
    world.end("mnist-launcher-0")
    world.settle()
    assert (world.phase, world.stopped) == ("Finalizing", [WORKER])
    world.end(WORKER, 143)
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("True", "Uploaded"))
    assert OTHER in world.deleted


def test_nothing_is_deleted_or_created_before_the_end() -> None:
    world = trained(parameterServer={"workers": 2, "servers": 1})
    created = list(world.created)
    del world.pods[OTHER]
    world.end("mnist-ps-0", 1)
    world.wait(60)
    world.settle()
    assert (world.deleted, world.created, world.phase) == ([], created, "Finalizing")


def by_a_user(world: World) -> None:
    world.change(WORKER, deleting=True)
    world.settle()
    del world.pods[WORKER]


def with_its_node(world: World) -> None:
    world.change(WORKER, deleting=True, disruption="DeletionByTaintManager")


def by_an_eviction(world: World) -> None:
    world.change(WORKER, phase="Failed", reason="Evicted")


@pytest.mark.parametrize("lose", [by_a_user, with_its_node, by_an_eviction])
def test_pod_that_is_lost_while_it_uploads_changes_nothing_of_the_outcome(lose: Callable[[World], None]) -> None:
    world = trained()
    world.wait(10)
    lose(world)
    world.settle()
    assert (world.phase, world.status.reason) == ("Succeeded", "PrimarySucceeded")
    assert complete(world) == ("False", "SidecarLost")
    assert (world.status.restarts, world.status.disruptions) == (0, 0)


def test_pod_that_only_the_cache_misses_is_waited_for() -> None:
    world = trained()
    world.hidden.add(WORKER)
    world.settle()
    assert world.phase == "Finalizing"
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("True", "Uploaded"))


@pytest.mark.parametrize("asked", ["cancel", "suspend"])
def test_user_who_asks_for_a_stop_while_it_uploads_changes_nothing_of_the_outcome(asked: str) -> None:
    world = trained()
    ending = world.status.ending
    edit(world, **{asked: True})
    world.settle()
    assert (world.phase, world.status.ending) == ("Finalizing", ending)
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("True", "Uploaded"))


def test_suspension_of_a_job_that_has_succeeded_unseen_keeps_its_artifacts() -> None:
    world = keeping()
    world.end(WORKER)
    edit(world, suspend=True)
    world.settle()
    assert (world.phase, world.status.ending.phase) == ("Finalizing", "Succeeded")


@pytest.mark.parametrize("asked", ["cancel", "suspend"])
def test_cancelled_and_suspended_jobs_give_their_sidecars_time(asked: str) -> None:
    world = keeping()
    edit(world, **{asked: True})
    world.settle()
    assert world.status.ending is None
    assert world.graces == {WORKER: 30 + 600}
    assert world.condition("ArtifactsComplete") is None


def test_deadline_ends_the_program_and_keeps_what_it_has_written() -> None:
    world = keeping(activeDeadlineSeconds=120)
    world.wait(60)
    world.settle()
    assert (world.phase, world.status.ending.reason) == ("Finalizing", "DeadlineExceeded")
    assert (world.stopped, world.deleted) == ([WORKER], [])
    world.end(WORKER, 143)
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "DeadlineExceeded")
    assert complete(world) == ("True", "Uploaded")


def test_deadline_that_passes_while_it_uploads_changes_nothing() -> None:
    world = trained(activeDeadlineSeconds=120)
    world.wait(300)
    world.settle()
    assert world.phase == "Finalizing"


def test_evaluator_is_waited_for_first() -> None:
    world = keeping(parameterServer={"workers": 1, "servers": 1, "chief": True, "evaluator": True})
    world.end("mnist-chief-0")
    uploaded(world, "mnist-chief-0")
    world.settle()
    assert (world.phase, world.status.reason, world.status.ending) == ("Finalizing", "WaitingForEvaluator", None)
    world.end("mnist-evaluator-0")
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("True", "Uploaded"))


def test_evaluator_that_uploads_is_stopped_at_the_end_of_its_grace() -> None:
    world = keeping(
        EVERY,
        parameterServer={"workers": 1, "servers": 1, "chief": True, "evaluator": True},
        evaluatorGraceSeconds=30,
    )
    world.end("mnist-chief-0")
    uploaded(world, "mnist-chief-0")
    world.settle()
    world.wait(30)
    world.settle()
    assert (world.phase, world.status.reason) == ("Finalizing", "UploadingArtifacts")
    assert sorted(world.stopped) == ["mnist-evaluator-0", "mnist-ps-0", "mnist-worker-0"]


def test_program_that_never_began_has_nothing_to_upload() -> None:
    world = keeping(pendingDeadlineSeconds=30)
    edit(world, suspend=True)
    world.settle()
    world.stop_deleted()
    world.settle()
    edit(world, suspend=False)
    world.settle()
    world.wait(60)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PendingDeadlineExceeded")
    assert complete(world) == ("False", "NothingUploaded")
    assert world.status.artifacts is None


def test_time_of_the_wait_counts_from_the_stored_outcome() -> None:
    world = trained()
    until = parse_time(world.status.ending.time) + timedelta(seconds=LONGEST)
    assert format_time(until) in world.status.message
    world.now = until + timedelta(hours=5)
    world.settle()
    assert (world.phase, complete(world)) == ("Succeeded", ("False", "SidecarLost"))


def test_counts_go_on_while_it_uploads_and_failures_do_not() -> None:
    world = trained(parameterServer={"workers": 2, "servers": 1})
    world.end(OTHER, 1)
    world.settle()
    assert world.status.failures is None
    assert world.status.replicas["worker"].active == 0


@pytest.mark.parametrize("outputs", [{}, EVERY])
def test_deletes_give_each_pod_the_time_that_its_plan_gives_it(outputs: dict[str, Any]) -> None:
    world = keeping(outputs, **GROUP, stopGraceSeconds=7)
    edit(world, cancel=True)
    world.settle()
    plan = plan_job(world.job, PlanOptions())
    assert world.graces == {replica.pod: plan.stop_grace(replica) for replica in plan.replicas}
