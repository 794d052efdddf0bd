"""The TensorBoard of a job: what it may do, what it mounts, and that nobody takes its pod for one of the job's."""

import json
from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pod_security import restricted_violations
from trainingjob.api.constants import LABEL_JOB, LABEL_JOB_UID, LABEL_TENSORBOARD
from trainingjob.contract import names
from trainingjob.contract.tasks import MirrorEvents
from trainingjob.plan import Manifest, PlanOptions, plan_job
from trainingjob.plan.tensorboard import tensorboard_url

OPTIONS = PlanOptions(own_image="ours:1", tensorboard_image="boards:2")
STORE = {"outputs": {"uri": "s3://bucket/runs/", "secretRef": {"name": "s3"}}, "workingDir": "/app"}
CLAIM = {"outputs": {"pvc": {"claimName": "runs", "path": "a/b"}}, "workingDir": "/app"}


def board(**spec: Any) -> tuple[Manifest, Manifest]:
    """Return the Deployment and the Service of a job with a TensorBoard."""
    deployment, service = plan_job(make_job(spec={**STORE, "tensorboard": {}, **spec}), OPTIONS).tensorboard
    return deployment, service


def pod_of(deployment: Manifest) -> Manifest:
    """Return the spec of its pod."""
    return dict(deployment["spec"]["template"]["spec"])


def containers(deployment: Manifest) -> dict[str, Manifest]:
    """Return its containers by name."""
    return {container["name"]: container for container in pod_of(deployment)["containers"]}


def task_of(deployment: Manifest) -> MirrorEvents:
    """Return what the container that copies is told."""
    env = {item["name"]: item.get("value") for item in containers(deployment)["mirror-events"]["env"]}
    return MirrorEvents.model_validate_json(env[names.TASK_VARIABLE])


@pytest.mark.parametrize("spec", [{}, {"tensorboard": {"enabled": False}}])
def test_job_has_one_only_where_it_asks_for_one(spec: dict[str, Any]) -> None:
    assert plan_job(make_job(spec={**STORE, **spec}), OPTIONS).tensorboard == ()


def test_pods_of_the_job_are_the_same_with_and_without_one() -> None:
    plain, shown = plan_job(make_job(spec=STORE), OPTIONS), plan_job(make_job(spec=STORE, tensorboard={}), OPTIONS)
    assert plain.render(plain.primary, 0) == shown.render(shown.primary, 0)


def test_both_objects_are_the_jobs_and_the_service_leads_to_the_pods_of_this_job_alone() -> None:
    deployment, service = board()
    for item, kind in ((deployment, "Deployment"), (service, "Service")):
        metadata = item["metadata"]
        assert (item["kind"], metadata["name"], metadata["namespace"]) == (kind, "mnist-tensorboard", "team")
        assert metadata["labels"] == {LABEL_JOB: "mnist", LABEL_JOB_UID: JOB_UID}
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("TrainingJob", JOB_UID, True)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert JOB_UID in labels.values()


def test_its_pod_has_no_label_by_which_pods_of_a_job_are_found() -> None:
    labels = board()[0]["spec"]["template"]["metadata"]["labels"]
    assert not labels.keys() & {LABEL_JOB, LABEL_JOB_UID}


def test_address_is_that_of_the_service() -> None:
    assert tensorboard_url(make_job()) == "http://mnist-tensorboard.team.svc:6006/"
    assert [port["port"] for port in board()[1]["spec"]["ports"]] == [6006]


@pytest.mark.parametrize("kept", [STORE, CLAIM])
@pytest.mark.parametrize("security", [{}, {"profile": "baseline"}, {"profile": "baseline", "runAsUser": 0}])
def test_its_pod_satisfies_the_restricted_level_whatever_the_job_does(
    kept: dict[str, Any], security: dict[str, Any]
) -> None:
    pod = pod_of(board(**kept, securityContext=security)[0])
    assert restricted_violations({"metadata": {}, "spec": pod}) == []
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert all("memory" in container["resources"]["limits"] for container in pod["containers"])


def test_credentials_and_claims_are_in_our_container_alone() -> None:
    for kept, place in ((STORE, f"{names.CREDENTIALS}/outputs"), (CLAIM, f"{names.STORES}/outputs")):
        found = containers(board(**kept)[0])
        ours = {mount["mountPath"]: mount for mount in found["mirror-events"]["volumeMounts"]}
        assert ours.keys() == {names.EVENTS, place}
        assert ours[place]["readOnly"] is True
        theirs = {mount["mountPath"]: mount.get("readOnly") for mount in found["tensorboard"]["volumeMounts"]}
        assert theirs == {names.EVENTS: True, "/tmp": None}  # noqa: S108 - a mount point
        assert names.TASK_VARIABLE not in json.dumps(found["tensorboard"])


def test_images_are_the_operators_and_the_charts() -> None:
    found = containers(board()[0])
    assert (found["mirror-events"]["image"], found["tensorboard"]["image"]) == ("ours:1", "boards:2")


@pytest.mark.parametrize(
    ("kept", "prefix", "credentials"),
    [
        (STORE, f"s3://bucket/runs/team/mnist/{JOB_UID}", "/trainingjob/credentials/outputs"),
        (CLAIM, f"file:///trainingjob/stores/outputs/a/b/team/mnist/{JOB_UID}", ""),
    ],
)
def test_what_is_copied_is_what_the_jobs_pods_upload(kept: dict[str, Any], prefix: str, credentials: str) -> None:
    outputs = {**kept["outputs"], "stream": ["logs", "runs/a"], "interval": 7}
    task = task_of(board(**{**kept, "outputs": outputs})[0])
    assert (task.prefix, task.credentials) == (prefix, credentials)
    assert (task.stream, task.interval_seconds, task.target) == (("logs", "runs/a"), 7, names.EVENTS)
    volume = next(v for v in pod_of(board(**kept)[0])["volumes"] if v["name"] == "trainingjob-events")
    assert task.max_bytes < int(volume["emptyDir"]["sizeLimit"].removesuffix("Mi")) * 2**20


def test_store_is_looked_at_once_a_minute_at_least() -> None:
    assert task_of(board(outputs={**STORE["outputs"], "interval": 3600})[0]).interval_seconds == 60  # type: ignore[dict-item]


def test_what_the_job_needs_to_reach_its_store_is_there_and_where_it_computes_is_not() -> None:
    needs: dict[str, Any] = {
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "trainer",
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "dnsConfig": {"nameservers": ["10.0.0.10"]},
    }
    computes: dict[str, Any] = {"nodeSelector": {"pool": "gpu"}, "priorityClassName": "high", "schedulerName": "other"}
    env = [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "TOKEN", "value": "x"}]
    deployment, _ = board(**needs, **computes, env=env)
    pod = pod_of(deployment)
    assert {name: pod[name] for name in needs} == needs
    assert not computes.keys() & pod.keys()
    told = {item["name"] for item in containers(deployment)["mirror-events"]["env"]}
    assert ("HTTPS_PROXY" in told, "TOKEN" in told) == (True, False)


def test_pod_that_reads_a_claim_prefers_the_node_of_the_jobs_pods() -> None:
    assert "affinity" not in pod_of(board()[0])
    (wish,) = pod_of(board(**CLAIM)[0])["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["podAffinityTerm"]["labelSelector"]["matchLabels"][LABEL_JOB_UID] == JOB_UID


def test_claim_of_another_group_is_read_with_the_jobs_group() -> None:
    security = pod_of(board(**CLAIM, securityContext={"fsGroup": 3000, "supplementalGroups": [7]})[0])[
        "securityContext"
    ]
    assert (security["fsGroup"], security["supplementalGroups"], security["runAsUser"]) == (3000, [7], 65532)


def test_pod_has_the_labels_and_annotations_that_the_jobs_pods_have_by_their_owners_wish() -> None:
    wishes = {"podLabels": {"azure.workload.identity/use": "true"}, "podAnnotations": {"team": "vision"}}
    metadata = board(**wishes)[0]["spec"]["template"]["metadata"]
    assert metadata["labels"]["azure.workload.identity/use"] == "true"
    assert metadata["labels"][LABEL_TENSORBOARD] == "mnist"
    assert metadata["annotations"] == {"team": "vision"}
