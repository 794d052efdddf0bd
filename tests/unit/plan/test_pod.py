"""The pods of a job: what holds of each of them, and that the user's fields reach them."""

from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pods import main_container, pod_of, render_pods
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan import PlanOptions, plan_job

DECIDES_THE_END = {
    "successPolicy",
    "cleanPodPolicy",
    "evaluatorGraceSeconds",
    "suspend",
    "cancel",
    "managedBy",
    "maxRestarts",
    "maxDisruptions",
    "failurePolicy",
    "activeDeadlineSeconds",
    "pendingDeadlineSeconds",
    "podTTLSeconds",
    "ttlSecondsAfterFinished",
    "onNodeLost",
    "tensorboard",
}
"""Fields that say whether a job runs, when it starts anew, how it ends and what stands beside it; no pod is made from
them."""

ACTS_ON_PODS: dict[str, Any] = {
    "image": "other:2",
    "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    "source": {"configMap": {"name": "scripts"}},
    "entrypoint": "train.py",
    "environment": {"pip": ["pandas"]},
    "inputs": [{"name": "train", "uri": "s3://bucket/train.csv"}],
    "resumeFrom": {"uri": "s3://bucket/runs/team/mnist/1/0/worker-0"},
    "outputs": {"uri": "s3://bucket/runs"},
    "command": ["python", "train.py"],
    "args": ["--epochs", "10"],
    "workingDir": "/app",
    "env": [{"name": "A", "value": "1"}],
    "envFrom": [{"secretRef": {"name": "keys"}}],
    "gpusPerWorker": 1,
    "accelerator": "amd.com/gpu",
    "resources": {"limits": {"memory": "1Gi"}},
    "shmSize": "1Gi",
    "overrides": {"worker": {"image": "third:3"}},
    "parameterServer": {},
    "multiWorker": {},
    "mpi": {},
    "torch": {},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpread": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "priorityClassName": "high",
    "schedulerName": "other",
    "serviceAccountName": "trainer",
    "runtimeClassName": "gvisor",
    "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
    "volumes": [{"name": "data", "emptyDir": {}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "podLabels": {"team": "vision"},
    "podAnnotations": {"note": "x"},
    "securityContext": {"runAsUser": 7},
    "stopGraceSeconds": 5,
    "gang": {"scheduler": "volcano"},
}
"""Every other field of the spec with a value that shows."""

NEEDS = {
    "accelerator": ["gpusPerWorker"],
    "volumeMounts": ["volumes"],
    "mpi": ["command"],
    "entrypoint": ["source"],
    "outputs": ["source"],
    "environment": ["command"],
}
"""Fields that say nothing without another one."""


def test_every_field_of_the_spec_either_shows_in_the_pods_or_decides_the_end() -> None:
    fields = {field.alias or name for name, field in TrainingJobSpec.model_fields.items()}
    assert fields == ACTS_ON_PODS.keys() | DECIDES_THE_END | {"framework"}, "a framework excludes an image"


@pytest.mark.parametrize("field", sorted(ACTS_ON_PODS))
def test_a_field_of_the_spec_changes_the_pods(field: str) -> None:
    base = {name: ACTS_ON_PODS[name] for name in NEEDS.get(field, ())}
    assert _specs(base) != _specs({**base, field: ACTS_ON_PODS[field]})


def _specs(spec: dict[str, Any]) -> list[Any]:
    """Return all of a job's pods without the hash, which differs for every spec."""
    pods = [*render_pods(make_job(spec=spec)).values()]
    for pod in pods:
        del pod["metadata"]["annotations"]["trainingjob.dev/spec-hash"]
    return pods


def test_a_pod_is_found_by_its_name_inside_the_namespace() -> None:
    spec = pod_of("mnist-ps-0", parameterServer={})["spec"]
    assert (spec["hostname"], spec["subdomain"]) == ("mnist-ps-0", "mnist")


def test_a_pod_is_never_restarted_by_the_kubelet_and_stops_within_its_grace() -> None:
    spec = pod_of(stopGraceSeconds=7)["spec"]
    assert spec["restartPolicy"] == "Never"
    assert spec["terminationGracePeriodSeconds"] == 7


def test_the_program_is_not_process_1_and_shares_nothing_with_the_node() -> None:
    spec = pod_of()["spec"]
    assert spec["shareProcessNamespace"] is True
    assert {"hostPID", "hostNetwork", "hostIPC"}.isdisjoint(spec)


def test_a_pod_gets_no_rights_and_no_variables_of_other_services() -> None:
    spec = pod_of()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in spec


def test_the_one_container_is_called_main_and_its_last_words_are_kept() -> None:
    pod = pod_of()
    assert main_container(pod)["name"] == "main"
    assert main_container(pod)["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "main"


def test_a_program_that_the_job_does_not_name_is_the_image_s_own() -> None:
    assert {"command", "args", "workingDir", "imagePullPolicy"}.isdisjoint(main_container(pod_of()))


def test_labels_say_job_role_index_attempt_and_uid() -> None:
    plan = plan_job(make_job(parameterServer={"servers": 2}, podLabels={"team": "vision"}), PlanOptions())
    pod = plan.render(plan.replicas[2], 3)
    assert pod["metadata"]["labels"] == {
        "team": "vision",
        "trainingjob.dev/job": "mnist",
        "trainingjob.dev/job-uid": JOB_UID,
        "trainingjob.dev/role": "ps",
        "trainingjob.dev/index": "1",
        "trainingjob.dev/attempt": "3",
    }


def test_a_pod_belongs_to_its_job_and_blocks_the_job_s_foreground_deletion() -> None:
    assert pod_of()["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "trainingjob.dev/v1",
            "kind": "TrainingJob",
            "name": "mnist",
            "uid": JOB_UID,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_a_topology_spread_counts_the_pods_of_the_job_unless_told_otherwise() -> None:
    own = {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    spread = [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}, own]
    first, second = pod_of(topologySpread=spread)["spec"]["topologySpreadConstraints"]
    assert first == {**spread[0], "labelSelector": {"matchLabels": {"trainingjob.dev/job-uid": JOB_UID}}}
    assert second == own


def test_scheduling_fields_stand_in_the_pod_as_kubernetes_shapes_them() -> None:
    term = {"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["a100"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    given = {name: ACTS_ON_PODS[name] for name in ("priorityClassName", "schedulerName", "serviceAccountName")}
    spec = pod_of(affinity=affinity, **given)["spec"]
    assert spec["affinity"] == affinity
    assert spec.items() >= given.items()


def test_the_same_job_gives_the_same_bytes() -> None:
    excluded = dict.fromkeys(["multiWorker", "mpi", "torch", "command", "workingDir"])
    first, second = (render_pods(make_job(spec=ACTS_ON_PODS | excluded)) for _ in range(2))
    assert repr(first) == repr(second)


def test_a_manifest_that_somebody_changes_changes_no_other() -> None:
    plan = plan_job(make_job(multiWorker={}, env=[{"name": "A", "value": "1"}]), PlanOptions())
    before = repr(plan.render(plan.replicas[1], 0))
    spoiled = plan.render(plan.replicas[0], 0)
    spoiled["metadata"]["annotations"].clear()
    spoiled["spec"]["securityContext"].clear()
    spoiled["spec"]["containers"][0]["env"][-1]["value"] = "spoiled"
    spoiled["spec"]["volumes"][0]["emptyDir"].clear()
    assert repr(plan.render(plan.replicas[1], 0)) == before
