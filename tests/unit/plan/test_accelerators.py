"""GPUs: for those that compute, never for parameter servers."""

from typing import Any

import pytest

from tests.support.pods import env_values, main_container, pod_of

ALL_ROLES: dict[str, Any] = {"parameterServer": {"chief": True, "evaluator": True}}


@pytest.mark.parametrize("role", ["chief", "worker", "evaluator"])
def test_gpus_are_limit_and_request_of_those_that_compute(role: str) -> None:
    resources = main_container(pod_of(f"mnist-{role}-0", **ALL_ROLES, gpusPerWorker=2))["resources"]
    assert resources == {"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}}


def test_gpus_are_added_to_what_the_user_asks_for() -> None:
    asked = {"requests": {"cpu": "500m"}, "limits": {"memory": "4Gi"}}
    resources = main_container(pod_of(gpusPerWorker=1, accelerator="amd.com/gpu", resources=asked))["resources"]
    assert resources["requests"] == {"cpu": "500m", "amd.com/gpu": "1"}
    assert resources["limits"] == {"memory": "4Gi", "amd.com/gpu": "1"}


def test_a_parameter_server_gets_none_and_sees_none() -> None:
    pod = pod_of("mnist-ps-0", **ALL_ROLES, gpusPerWorker=2)
    assert "resources" not in main_container(pod)
    assert env_values(pod)["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_what_a_parameter_server_sees_is_the_user_s_choice() -> None:
    env = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "none"}]
    pod = pod_of("mnist-ps-0", **ALL_ROLES, gpusPerWorker=2, overrides={"ps": {"env": env}})
    assert [item for item in main_container(pod)["env"] if item["name"] == "NVIDIA_VISIBLE_DEVICES"] == env


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("mnist-worker-0", {"gpusPerWorker": 2}),
        ("mnist-ps-0", {"gpusPerWorker": 0}),
        ("mnist-ps-0", {"gpusPerWorker": 2, "accelerator": "amd.com/gpu"}),
    ],
)
def test_nvidia_s_variable_is_set_nowhere_else(name: str, spec: dict[str, Any]) -> None:
    assert "NVIDIA_VISIBLE_DEVICES" not in env_values(pod_of(name, **ALL_ROLES, **spec))


def test_without_gpus_nothing_is_added() -> None:
    assert "resources" not in main_container(pod_of())
