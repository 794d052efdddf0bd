"""What is believed of the reports of uploading sidecars, and what a status says of the others."""

import json
from typing import Any

import pytest

from tests.support.uploads import DIGEST, keeping, prefix, report, uploaded
from tests.support.world import World
from trainingjob.api.status import MAX_ARTIFACTS
from trainingjob.reconcile import Sidecar
from trainingjob.reconcile.artifacts import claim_complete, last_metrics, listed, lost, read_report

WORKER = "mnist-worker-0"
PLANTED = "AKIAPLANTEDWORD"


def read(text: str, code: int = 0, reason: str = "Completed") -> tuple[str, str]:
    """Return reason and problem of the report of worker 0."""
    upload = read_report("worker-0", prefix(WORKER), Sidecar(ended=True, exit_code=code, reason=reason, report=text))
    return upload.reason, upload.problem


def said(**fields: Any) -> str:
    """Return worker 0's report but for these fields."""
    return report(WORKER, **fields)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"{PLANTED} is not JSON", "its report is no JSON"),
        ('{"v":1', "its report is no JSON"),
        ("[]", "its report has other fields than a report has"),
        ("null", "its report has other fields than a report has"),
        (said(**{PLANTED: 1}), "its report has other fields than a report has"),
        (said(v=2), "its report has no valid v"),
        (said(uri=PLANTED), "its report names another folder of the store than the pod's own"),
        (said(uri=prefix(WORKER, 1)), "its report names another folder of the store than the pod's own"),
        (said(uri=prefix("mnist-worker-1")), "its report names another folder of the store than the pod's own"),
        (said(uri=f"{prefix(WORKER)}/../x"), "its report names another folder of the store than the pod's own"),
        (said(uri=f"{prefix(WORKER)}.0"), "its report names another folder of the store than the pod's own"),
        (said(uri=f"{prefix(WORKER)}.1\n"), "its report names another folder of the store than the pod's own"),
        (said(uri="s3://bucket/" + "x" * 2000), "its report has no valid uri"),
        (said(sha256=PLANTED), "its report has no valid sha256"),
        (said(files=-1), "its report has no valid files"),
        (
            said(bytes="many", files=1.5, complete=PLANTED, problem=7),
            "its report has no valid bytes, complete, files and 1 more",
        ),
        (said(sha256=None), "its report calls the artifact complete and gives no digest of a manifest"),
        (said(metrics=[{"name": PLANTED, "value": "x"}]), "its report has no valid metrics"),
        (said(metrics=[{"name": "loss", "value": 1}] * 2), "its report has two values of one metric"),
        (said(metrics=[{"name": f"m{n}", "value": 1} for n in range(65)]), "its report has no valid metrics"),
        (said(problem="x" * 4096), "its report is longer than 4096 bytes"),
        (said().replace('"files":3', '"files":NaN'), "its report has no valid files"),
    ],
)  # fmt: skip
def test_report_that_is_none_of_ours_is_refused_without_its_text(text: str, wrong: str) -> None:
    assert read(text) == ("InvalidReport", wrong)


def test_folder_of_a_later_pod_of_the_same_replica_is_taken_over() -> None:
    upload = read_report(
        "worker-0", prefix(WORKER), Sidecar(ended=True, exit_code=0, report=said(uri=f"{prefix(WORKER)}.2"))
    )
    assert (upload.problem, upload.artifact.uri) == ("", f"{prefix(WORKER)}.2")


def test_incomplete_upload_says_why_in_its_own_words() -> None:
    assert read(said(complete=False, problem="outputs/x: no right to read it")) == (
        "UploadIncomplete",
        "outputs/x: no right to read it",
    )


@pytest.mark.parametrize(
    ("text", "code", "reason", "words"),
    [
        ("", 137, "OOMKilled", "its sidecar ended with exit code 137 (OOMKilled) and has reported nothing"),
        ("Traceback: KeyError", 1, "Error", "its sidecar ended with exit code 1 and has reported nothing"),
        (" \n", 0, "Completed", "its sidecar ended with exit code 0 and has reported nothing"),
    ],
)
def test_sidecar_that_ends_without_a_report_is_lost(text: str, code: int, reason: str, words: str) -> None:
    assert read(text, code, reason) == ("SidecarLost", words)


def test_report_counts_also_when_the_sidecar_ended_with_a_code() -> None:
    assert read(said(), 1, "Error") == ("Uploaded", "")


def test_condition_names_the_first_artifact_that_is_missing_and_how_many_more() -> None:
    uploads = [lost(f"worker-{n}", "s3://b", "its pod is gone") for n in range(3)]
    claim = claim_complete(uploads)
    assert (claim.holds, claim.reason) == (False, "SidecarLost")
    assert claim.message == "The artifact of worker-0 is not complete: its pod is gone (2 more are not complete)."


def test_status_lists_the_first_artifacts_and_the_condition_counts_all() -> None:
    uploads = [read_report(f"worker-{n}", prefix(WORKER), Sidecar(ended=True, report=said())) for n in range(100)]
    assert len(listed(uploads) or []) == MAX_ARTIFACTS
    assert claim_complete([*uploads, lost("worker-100", "", "its pod is gone")]).holds is False


def test_metric_that_several_replicas_have_is_that_of_the_first() -> None:
    values = [
        read_report(
            "worker-0", prefix(WORKER), Sidecar(ended=True, report=said(metrics=[{"name": "loss", "value": n}]))
        )
        for n in (1, 2)
    ]
    assert [metric.value for metric in last_metrics(values) or []] == [1.0]


def test_invalid_report_is_shown_and_affects_nothing_else() -> None:
    world = keeping()
    world.end(WORKER)
    uploaded(world, WORKER, json.dumps({"uri": "s3://elsewhere", "password": PLANTED}))
    world.settle()
    condition = world.condition("ArtifactsComplete")
    assert condition is not None
    assert (world.phase, condition.reason) == ("Succeeded", "InvalidReport")
    assert PLANTED not in str(world.status.manifest())
    assert "elsewhere" not in str(world.status.manifest())


def test_success_whose_required_artifacts_are_missing_is_a_failure() -> None:
    world = required()
    world.end(WORKER)
    uploaded(world, WORKER, said(complete=False, problem="the store does not answer"))
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "ArtifactsIncomplete")
    assert "the store does not answer" in world.status.message
    assert world.status.ending.phase == "Succeeded"
    assert world.holds("Failed")
    assert not world.holds("Succeeded")


def test_success_whose_required_artifacts_are_there_is_one() -> None:
    world = required()
    world.end(WORKER)
    uploaded(world, WORKER)
    world.settle()
    assert (world.phase, world.status.artifacts[0].sha256) == ("Succeeded", DIGEST)


def required() -> World:
    """Return a running job that asks for its artifacts."""
    return keeping({"required": True})
