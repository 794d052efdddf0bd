"""What an earlier attempt or job has left: where it is looked for, and who gets it."""

from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pods import (
    env_values,
    init_containers,
    main_container,
    mounts_of,
    pod_of,
    render_pods,
    task_of,
    volumes_of,
)
from tests.support.refused_inputs import resuming
from tests.support.refused_outputs import keeping
from tests.support.strategy_jobs import mpi
from trainingjob.contract.tasks import RestoreArtifact
from trainingjob.plan import Manifest, PlanOptions, PlanRefusedError, plan_job

RUNS = "s3://bucket/runs/team"
EARLIER = {"name": "mnist-1", "uid": "earlier"}
ARTIFACT = "s3://other/team/mnist/1/0/worker-0"


def restored(pod: Manifest) -> RestoreArtifact:
    """Return what the pod's container is told to restore."""
    return RestoreArtifact.model_validate(task_of(init_containers(pod)["restore-artifact"]))


@pytest.mark.parametrize(
    ("spec", "prefixes", "required"),
    [
        (keeping(restore=True), [f"{RUNS}/mnist/{JOB_UID}/*"], False),
        (resuming(uri=f"{ARTIFACT}/"), [ARTIFACT], True),
        ({**keeping(), **resuming(job=EARLIER)}, [f"{RUNS}/mnist-1/earlier/*"], True),
        (
            {**keeping(restore=True), **resuming(uri=ARTIFACT)},
            [f"{RUNS}/mnist/{JOB_UID}/*", ARTIFACT],
            True,
        ),
        (
            {**keeping(restore=True), **resuming(job=EARLIER)},
            [f"{RUNS}/mnist/{JOB_UID}/*", f"{RUNS}/mnist-1/earlier/*"],
            True,
        ),
        (resuming(uri="pvc://team/runs/a/worker-0"), ["file:///trainingjob/stores/resume/a/worker-0"], True),
    ],
)
def test_an_artifact_is_looked_for_first_among_what_the_job_itself_has_left(
    spec: dict[str, Any], prefixes: list[str], required: bool
) -> None:
    pod = pod_of(**spec)
    task = restored(pod)
    assert list(task.prefixes) == prefixes
    assert task.required is required
    assert task.target == "/trainingjob/resume" == env_values(pod)["TRAININGJOB_RESUME"]
    assert mounts_of(main_container(pod))["/trainingjob/resume"] == {"name": "trainingjob-resume", "readOnly": True}


def test_an_artifact_with_nothing_but_logs_is_none_to_go_on_from() -> None:
    assert restored(pod_of(**keeping(restore=True, stream=["tb", "logs"]))).logs == "tb"
    assert restored(pod_of(**keeping(restore=True, stream=[]))).logs == ""
    assert restored(pod_of(**resuming(uri=ARTIFACT))).logs == ""


def test_a_job_that_resumes_nothing_has_no_folder_for_it() -> None:
    pod = pod_of(**keeping())
    assert "restore-artifact" not in init_containers(pod)
    assert "TRAININGJOB_RESUME" not in env_values(pod)


def test_a_replica_is_given_its_own_artifact_or_else_that_of_the_primary() -> None:
    spec: dict[str, Any] = {"multiWorker": {"workers": 2, "chief": True}}
    for replicas, expected in (("All", {"chief-0", "worker-0", "worker-1"}), ("Primary", {"chief-0"})):
        pods = render_pods(make_job(**spec, **keeping(restore=True, replicas=replicas)))
        assert {restored(pod).replica for pod in pods.values()} == expected


def test_a_launcher_that_runs_no_rank_restores_nothing() -> None:
    pods = render_pods(make_job(**mpi(), **keeping(restore=True)))
    assert {name for name, pod in pods.items() if "restore-artifact" in init_containers(pod)} == {
        "mnist-worker-0",
        "mnist-worker-1",
    }


@pytest.mark.parametrize(
    ("spec", "secret"),
    [
        (keeping(restore=True, secretRef={"name": "runs"}), "runs"),
        (resuming(uri=ARTIFACT, secretRef={"name": "other"}), "other"),
        ({**keeping(secretRef={"name": "runs"}), **resuming(uri=ARTIFACT, secretRef={"name": "other"})}, "other"),
        ({**keeping(secretRef={"name": "runs"}), **resuming(job=EARLIER)}, "runs"),
    ],
)
def test_an_artifact_is_read_with_its_own_secret_or_else_that_of_the_outputs(spec: dict[str, Any], secret: str) -> None:
    pod = pod_of(**spec)
    assert volumes_of(pod)["trainingjob-credentials-resume"]["secret"]["secretName"] == secret
    assert restored(pod).credentials == "/trainingjob/credentials/resume"
    assert "trainingjob-credentials" not in str(main_container(pod))


def test_a_claim_of_the_outputs_is_mounted_once_to_be_read_and_once_to_be_written() -> None:
    spec: dict[str, Any] = {"workingDir": "/app", "outputs": {"pvc": {"claimName": "runs"}, "restore": True}}
    pod = pod_of(**spec)
    mounts = [mounts_of(item)["/trainingjob/stores/outputs"] for item in init_containers(pod).values()]
    assert mounts == [
        {"name": "trainingjob-claim-outputs", "readOnly": True},
        {"name": "trainingjob-claim-outputs"},
    ]
    names = [volume["name"] for volume in pod["spec"]["volumes"]]
    assert names.count("trainingjob-claim-outputs") == 1
    assert restored(pod).prefixes == (f"file:///trainingjob/stores/outputs/team/mnist/{JOB_UID}/*",)


def test_an_artifact_in_a_claim_of_another_namespace_is_refused() -> None:
    with pytest.raises(PlanRefusedError, match="the claim runs is in the namespace other, and pods of team") as caught:
        plan_job(make_job(**resuming(uri="pvc://other/runs/a")), PlanOptions())
    assert caught.value.reason == "ResumeFromElsewhere"
