"""What goes wrong in a cluster shows its cause in the status, and the operator stays healthy."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.deploy import NAMESPACE, example_image
from tests.support.user import User

pytestmark = pytest.mark.kubelet

IMAGE = example_image("sklearn-digits")
SLEEP = {
    "image": IMAGE,
    "imagePullPolicy": "IfNotPresent",
    "command": ["python", "-c", "import time; time.sleep(3600)"],
}


@pytest.fixture(autouse=True)
def healthy(user: User) -> Iterator[None]:
    """Demand that what the test did neither ended the operator nor made it unready."""
    before = operator_restarts(user)
    yield
    assert operator_restarts(user) == before
    assert user.kubectl("get", "deployment", "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.readyReplicas}") == "1"


def operator_restarts(user: User) -> int:
    """Return how often the containers of the operator's pods were restarted."""
    pods = json.loads(user.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]
    return sum(status["restartCount"] for pod in pods for status in pod["status"].get("containerStatuses", []))


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"image": "trainingjob.dev/no/such:image", "imagePullPolicy": "Never"}, "ImagePull", "cannot get its image"),
        ({"nodeSelector": {"disk": "marble"}}, "Unschedulable", "didn't match Pod's node affinity/selector"),
        ({"gpusPerWorker": 64}, "Unschedulable", "Insufficient nvidia.com/gpu"),
        ({"envFrom": [{"configMapRef": {"name": "missing-settings"}}]}, "ContainerConfig", "missing-settings"),
        (
            {
                "volumes": [{"name": "settings", "configMap": {"name": "missing-settings"}}],
                "volumeMounts": [{"name": "settings", "mountPath": "/settings"}],
            },
            "ContainerCreating",
            "ConfigMap missing-settings",
        ),
    ],
    ids=["image", "node selector", "GPUs", "ConfigMap as environment", "ConfigMap as volume"],
)
def test_job_that_cannot_start_says_why(user: User, spec: dict[str, Any], reason: str, words: str) -> None:
    user.apply_job("stuck", **{**SLEEP, **spec})
    status = user.wait_for_reason("stuck", reason)
    assert status["phase"] == "Pending"
    assert words in status["message"]
    assert words in user.kubectl("describe", "tjob", "stuck")


def test_quota_of_two_pods_is_named_and_the_job_goes_on_when_it_is_raised(user: User) -> None:
    user.kubectl("create", "quota", "two-pods", "--hard=pods=2")
    user.apply_job("many", **SLEEP, multiWorker={"workers": 3})
    status = user.wait_for_reason("many", "QuotaExceeded")
    assert "two-pods" in status["message"]
    user.kubectl("patch", "quota", "two-pods", "--type=merge", "-p", '{"spec":{"hard":{"pods":"3"}}}')
    user.wait_for_phase("many", "Running", seconds=180)


def test_pod_that_pod_security_forbids_is_reported(user: User) -> None:
    user.apply_job("rooted", **SLEEP, securityContext={"profile": "baseline"})
    status = user.wait_for_reason("rooted", "AdmissionRefused")
    assert 'violates PodSecurity "restricted' in status["message"]


def test_missing_image_in_a_registry_is_reported(user: User) -> None:
    user.apply_job("pulling", **{**SLEEP, "image": "127.0.0.1:1/no/such:image", "imagePullPolicy": "Always"})
    assert "127.0.0.1:1/no/such:image" in user.wait_for_reason("pulling", "ImagePull")["message"]


def test_name_too_long_for_its_workers_is_refused_at_apply(user: User) -> None:
    message = user.refusal("a" * 60, image=IMAGE, parameterServer={"workers": 1000, "servers": 1})
    assert "63" in message
    assert "8 characters" in message or "by 8" in message


def test_two_strategies_are_refused_at_apply(user: User) -> None:
    message = user.refusal("both", image=IMAGE, parameterServer={}, multiWorker={})
    assert "parameterServer" in message
    assert "multiWorker" in message


def test_unknown_field_is_refused_at_apply(user: User) -> None:
    assert "parameterSever" in user.refusal("typo", image=IMAGE, parameterSever={"workers": 2})
