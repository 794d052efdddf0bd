"""Reading what is stored: whatever it is, the operator keeps its head."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.builders import make_job, make_job_body
from trainingjob.api.job import MAX_PROBLEMS, read_job
from trainingjob.api.status import Phase

FINISHED = {
    "type": "Finished",
    "status": "True",
    "reason": "Succeeded",
    "message": "",
    "lastTransitionTime": "2026-01-31T12:00:00Z",
}
ZONES = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}


def test_a_job_is_read_with_its_identity() -> None:
    job = make_job("mnist", "team", "u-1", generation=3, resource_version="7", created=datetime(2026, 1, 1, tzinfo=UTC))
    assert job.key == ("team", "mnist")
    assert (job.uid, job.generation, job.resource_version) == ("u-1", 3, "7")
    assert job.created == datetime(2026, 1, 1, tzinfo=UTC)
    assert not job.deleting


def test_a_job_with_a_deletion_timestamp_is_deleting() -> None:
    assert make_job(deleting=True).deleting


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"replicas": 2}, "spec.replicas: this version has no such field"),
        ({"env": [{"value": "1"}]}, "spec.env[0].name: this field is missing"),
        ({"shmSize": "8GB"}, "spec.shmSize: 8GB is no quantity; write one like 2, 500m or 4Gi"),
        ({"shmSize": True}, "spec.shmSize: True is no quantity; write one like 2, 500m or 4Gi"),
        (
            {"env": [{"name": "SEED"}, {"name": "SEED"}]},
            "spec.env: two entries have the name SEED; keep one of them",
        ),
        (
            {"topologySpread": [ZONES, {**ZONES, "maxSkew": 2}]},
            "spec.topologySpread: two entries have the topologyKey zone and whenUnsatisfiable DoNotSchedule; "
            "keep one of them",
        ),
    ],
)  # fmt: skip
def test_a_stored_spec_that_does_not_validate_is_a_problem_in_words(spec: dict[str, Any], problem: str) -> None:
    job = make_job(invalid=True, spec=spec)
    assert job.spec is None
    assert job.problem == problem


def test_a_job_without_a_spec_is_a_problem() -> None:
    body = make_job_body()
    del body["spec"]
    assert read_job(body).problem == "spec: give exactly one of image, framework; there are 0"


def test_many_problems_are_told_in_few_words() -> None:
    names = [f"PET_{index}" for index in range(MAX_PROBLEMS + 3)]
    told = make_job(invalid=True, env=[{"name": name} for name in names]).problem.split("; ")
    assert told[-1] == "and 3 more"
    assert f"spec.env[{MAX_PROBLEMS - 1}].name: PET_{MAX_PROBLEMS - 1} is set by the operator" in told
    assert not any(f"spec.env[{MAX_PROBLEMS}]" in sentence for sentence in told)


@pytest.mark.parametrize(
    "unreadable",
    [
        {"failures": "none"},
        {"failures": [{"pod": "mnist-worker-0"}]},
        {"startTime": "yesterday"},
        {"conditions": [{"type": "Running"}]},
        {"replicas": {"worker": {"desired": -1}}},
        {"restarts": "many", "ready": 3},
    ],
)
def test_an_unreadable_field_of_the_status_hides_no_other(unreadable: dict[str, Any]) -> None:
    status = make_job(status={"phase": "Succeeded", "message": "done", **unreadable}).status
    assert status.phase is Phase.SUCCEEDED
    assert status.message == "done"
    assert status.finished
    assert all(getattr(status, name, None) is None for name in unreadable)


def test_fields_of_a_newer_operator_are_passed_over() -> None:
    newer = {**FINISHED, "severity": "low"}
    status = make_job(status={"phase": "Running", "tensorboard": {"url": "x"}, "conditions": [newer]}).status
    assert status.phase is Phase.RUNNING
    assert [condition.type for condition in status.conditions or []] == ["Finished"]


def test_a_job_in_an_end_phase_of_a_newer_operator_has_ended() -> None:
    status = make_job(status={"phase": "Expired", "conditions": [FINISHED]}).status
    assert status.phase is None
    assert status.finished


@pytest.mark.parametrize(
    ("phase", "finished"),
    [
        ("Pending", False),
        ("Restarting", False),
        ("Suspended", False),
        ("Finalizing", False),
        ("Failed", True),
        ("Cancelled", True),
    ],
)
def test_a_job_has_ended_in_its_end_phases(phase: str, finished: bool) -> None:
    assert make_job(status={"phase": phase}).status.finished is finished
