"""What a program leaves: the sidecar that uploads it, its folders, its credentials and its time."""

from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import (
    env_names,
    env_values,
    init_containers,
    main_container,
    mounts_of,
    pod_of,
    render_pods,
    task_of,
    volumes_of,
)
from tests.support.refused_outputs import keeping
from tests.support.refused_sources import SCRIPTS
from tests.support.strategy_jobs import TRAIN
from trainingjob.api.constants import SSH_PORT, TENSORFLOW_PORT, TORCH_PORT
from trainingjob.contract.names import METRICS_PORT, WORKSPACE
from trainingjob.contract.tasks import UploadArtifacts
from trainingjob.plan import Manifest, PlanOptions, plan_job

RUN = f"team/mnist/{JOB_UID}"
CLAIM: dict[str, Any] = {"workingDir": "/app", "outputs": {"pvc": {"claimName": "runs", "path": "a/b/"}}}


def uploading(name: str = "mnist-worker-0", **spec: Any) -> Manifest:
    """Return the sidecar of a pod."""
    return init_containers(pod_of(name, **spec))["artifacts"]


def with_sidecar(**spec: Any) -> set[str]:
    """Return the names of the pods that upload, as the plan and their manifests say alike."""
    job = make_job(**spec)
    plan = plan_job(job, PlanOptions())
    names = {replica.pod for replica in plan.replicas if plan.uploads(replica)}
    assert names == {name for name, pod in render_pods(job).items() if "artifacts" in init_containers(pod)}
    return names


def test_the_sidecar_runs_beside_the_program_under_a_user_of_its_own() -> None:
    pod = pod_of(**keeping())
    sidecar = uploading(**keeping())
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["command"] == ["python", "-P", "-m", "trainingjob.sidecar", "artifacts"]
    assert sidecar["securityContext"]["runAsUser"] == 65532
    assert pod["spec"]["securityContext"]["runAsUser"] == 1000
    assert restricted_violations(pod) == []


def test_under_baseline_the_sidecar_is_as_confined() -> None:
    context = init_containers(pod_of(profile="baseline", **keeping()))["artifacts"]["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
    }


def test_the_sidecar_is_told_what_to_upload_and_where_to() -> None:
    outputs = {"paths": ["models"], "stream": ["tb"], "interval": 5, "flushSeconds": 60, "secretRef": {"name": "s3"}}
    task = UploadArtifacts.model_validate(task_of(uploading(**keeping(uri="s3://bucket/runs/", **outputs))))
    assert task == UploadArtifacts(
        prefix=f"s3://bucket/runs/{RUN}/0/worker-0",
        uri=f"s3://bucket/runs/{RUN}/0/worker-0",
        workspace="/workspace",
        paths=("models",),
        stream=("tb",),
        interval_seconds=5,
        pod="mnist-worker-0",
        attempt=0,
        credentials="/trainingjob/credentials/outputs",
        state="/trainingjob/state",
        report_bytes=3072,
        grace_seconds=60,
        metrics="tb/metrics.jsonl",
        metrics_port=19464,
    )


@pytest.mark.parametrize(("uri", "base"), [("s3://bucket", "s3://bucket"), ("gs://b/r/", "gs://b/r")])
def test_each_attempt_and_replica_has_a_folder_of_its_own(uri: str, base: str) -> None:
    job = make_job(**keeping(uri=uri, replicas="All"), multiWorker={"chief": True})
    plan = plan_job(job, PlanOptions())
    prefixes = {plan.artifact_prefix(replica, attempt) for replica in plan.replicas for attempt in (0, 1)}
    assert prefixes == {f"{base}/{RUN}/{n}/{who}" for n in (0, 1) for who in ("chief-0", "worker-0", "worker-1")}


def test_a_claim_is_written_by_the_sidecar_alone_and_named_so_that_others_find_it() -> None:
    pod = pod_of(**CLAIM)
    sidecar, plan = uploading(**CLAIM), plan_job(make_job(**CLAIM), PlanOptions())
    assert volumes_of(pod)["trainingjob-claim-outputs"] == {"persistentVolumeClaim": {"claimName": "runs"}}
    assert mounts_of(sidecar)["/trainingjob/stores/outputs"] == {"name": "trainingjob-claim-outputs"}
    assert "trainingjob-claim-outputs" not in str(main_container(pod))
    assert task_of(sidecar)["prefix"] == f"file:///trainingjob/stores/outputs/a/b/{RUN}/0/worker-0"
    assert task_of(sidecar)["uri"] == plan.artifact_prefix(plan.primary, 0) == f"pvc://team/runs/a/b/{RUN}/0/worker-0"


def test_what_a_store_is_written_with_is_mounted_in_the_sidecar_alone() -> None:
    spec = keeping(secretRef={"name": "s3"})
    pod = pod_of(**spec)
    assert volumes_of(pod)["trainingjob-credentials-outputs"] == {"secret": {"secretName": "s3", "defaultMode": 0o444}}
    mount = mounts_of(uploading(**spec))["/trainingjob/credentials/outputs"]
    assert mount == {"name": "trainingjob-credentials-outputs", "readOnly": True}
    assert "s3" not in str(main_container(pod))


def test_a_pod_that_uploads_nothing_mounts_nothing_for_it() -> None:
    pods = render_pods(make_job(**CLAIM, multiWorker={"workers": 2}))
    assert volumes_of(pods["mnist-worker-1"]).keys() == {
        "trainingjob-shm",
        "trainingjob-home",
        "trainingjob-workspace",
    }
    assert pods["mnist-worker-1"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_without_a_source_the_kept_folders_alone_stand_in_the_working_directory() -> None:
    main = mounts_of(main_container(pod_of(**keeping(paths=["outputs", "runs/a"]))))
    volume = "trainingjob-workspace"
    assert {path: mount for path, mount in main.items() if mount["name"] == volume} == {
        "/app/outputs": {"name": volume, "subPath": "outputs"},
        "/app/runs/a": {"name": volume, "subPath": "runs/a"},
        "/app/logs": {"name": volume, "subPath": "logs"},
    }
    assert mounts_of(uploading(**keeping()))["/workspace"] == {"name": volume, "readOnly": True}


def test_with_a_source_the_kept_folders_are_made_in_it() -> None:
    pod = pod_of(**SCRIPTS, outputs={"uri": "s3://b", "paths": ["a", "b"]})
    main = mounts_of(main_container(pod))
    assert [path for path, mount in main.items() if mount["name"] == "trainingjob-workspace"] == ["/workspace"]
    assert task_of(init_containers(pod)["fetch-source"])["folders"] == ["a", "b", "logs"]
    assert list(init_containers(pod)) == ["fetch-source", "artifacts"]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            keeping(paths=["a", "b"]),
            {"OUTPUTS": "/app/a", "LOGS": "/app/logs", "METRICS": "/app/logs/metrics.jsonl"},
        ),
        (keeping(stream=[]), {"OUTPUTS": "/app/outputs", "METRICS": "/app/outputs/metrics.jsonl"}),
        (
            {**SCRIPTS, "outputs": {"uri": "s3://b"}},
            {
                "OUTPUTS": "/workspace/outputs",
                "LOGS": "/workspace/logs",
                "METRICS": "/workspace/logs/metrics.jsonl",
            },
        ),
    ],
)
def test_the_program_is_told_where_to_write_before_its_own_variables(
    spec: dict[str, Any], told: dict[str, str]
) -> None:
    pod = pod_of(**spec, env=[{"name": "A", "value": "$(TRAININGJOB_OUTPUTS)/a"}])
    values = env_values(pod)
    assert {name: values.get(f"TRAININGJOB_{name}") for name in told} == told
    known = {f"TRAININGJOB_{name}" for name in ("OUTPUTS", "LOGS", "METRICS")}
    assert values.keys() & known == {f"TRAININGJOB_{name}" for name in told}
    assert env_names(pod)[-1] == "A"


@pytest.mark.parametrize("outputs", [{}, {"stream": []}, {"paths": [], "stream": ["runs/tb"]}])
def test_the_program_writes_its_metrics_where_the_sidecar_reads_them(outputs: dict[str, Any]) -> None:
    for spec, base in ((keeping(**outputs), "/app"), ({**SCRIPTS, "outputs": {"uri": "s3://b", **outputs}}, WORKSPACE)):
        pod = pod_of(**spec)
        task = task_of(init_containers(pod)["artifacts"])
        assert env_values(pod)["TRAININGJOB_METRICS"] == f"{base}/{task['metrics']}"
        assert task["metrics"].startswith(tuple(f"{folder}/" for folder in (*task["stream"], *task["paths"])))


@pytest.mark.parametrize("port", [TENSORFLOW_PORT, SSH_PORT, TORCH_PORT])
def test_metrics_are_served_under_a_name_where_no_strategy_and_no_system_serves(port: int) -> None:
    assert uploading(**keeping())["ports"] == [{"name": "metrics", "containerPort": METRICS_PORT}]
    # Linux gives out those from 32768 on by itself.
    assert port != METRICS_PORT < 32768


@pytest.mark.parametrize(
    ("spec", "primary"),
    [
        ({}, "worker-0"),
        ({"parameterServer": {"chief": True, "evaluator": True}}, "chief-0"),
        ({"parameterServer": {"workers": 2}}, "worker-0"),
        ({"torch": {"nodes": 3}}, "worker-0"),
        ({"mpi": {"nodes": 2}, "command": TRAIN}, "worker-0"),
        ({"mpi": {"nodes": 2, "launcherRunsWorker": True}, "command": TRAIN}, "launcher-0"),
        ({"mpi": {"nodes": 1, "launcherRunsWorker": True}, "command": TRAIN}, "launcher-0"),
    ],
)
def test_the_replica_that_writes_the_results_uploads_unless_all_do(spec: dict[str, Any], primary: str) -> None:
    assert with_sidecar(**keeping(), **spec) == {f"mnist-{primary}"}
    assert with_sidecar(**keeping(replicas="All"), **spec) == render_pods(make_job(**spec)).keys()


def test_a_pod_that_uploads_has_the_time_for_it() -> None:
    spec = {**keeping(flushSeconds=100), "stopGraceSeconds": 7, "multiWorker": {}}
    plan = plan_job(make_job(**spec), PlanOptions())
    graces = {replica.pod: plan.stop_grace(replica) for replica in plan.replicas}
    assert graces == {"mnist-worker-0": 107, "mnist-worker-1": 7}
    pods = render_pods(make_job(**spec))
    assert {name: pod["spec"]["terminationGracePeriodSeconds"] for name, pod in pods.items()} == graces
    assert plan.flush_seconds == 100


def test_the_report_fits_into_the_share_that_the_kubelet_gives_each_container() -> None:
    alone, with_more = keeping(), {**SCRIPTS, "outputs": {"uri": "s3://b"}, "command": TRAIN, "mpi": {}}
    assert task_of(uploading(**alone))["report_bytes"] == 12288 // 4
    assert task_of(uploading(**with_more))["report_bytes"] == 12288 // 6


def test_a_job_that_keeps_nothing_uploads_nowhere() -> None:
    plan = plan_job(make_job(multiWorker={}), PlanOptions())
    assert not any(plan.uploads(replica) for replica in plan.replicas)
    assert plan.artifact_prefix(plan.primary, 0) == ""
    assert plan.flush_seconds == 0
    assert {plan.stop_grace(replica) for replica in plan.replicas} == {30}
