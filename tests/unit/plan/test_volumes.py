"""Volumes: shared memory and a home of the operator's, the user's own beside them."""

from typing import Any

import pytest

from tests.support.pods import env_names, main_container, pod_of

DATA: dict[str, Any] = {"name": "data", "persistentVolumeClaim": {"claimName": "digits", "readOnly": True}}


def volume(pod: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((item for item in pod["spec"]["volumes"] if item["name"] == name), None)


def mounts(pod: dict[str, Any]) -> dict[str, str]:
    return {item["mountPath"]: item["name"] for item in main_container(pod)["volumeMounts"]}


def test_shared_memory_is_memory_without_a_limit_of_its_own() -> None:
    pod = pod_of()
    assert volume(pod, "trainingjob-shm") == {"name": "trainingjob-shm", "emptyDir": {"medium": "Memory"}}
    assert mounts(pod)["/dev/shm"] == "trainingjob-shm"  # noqa: S108 - a mount point


def test_shared_memory_is_limited_where_the_job_says_so() -> None:
    shared = volume(pod_of(shmSize="2Gi"), "trainingjob-shm")
    assert shared == {"name": "trainingjob-shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}


def test_home_is_a_folder_that_can_be_written() -> None:
    pod = pod_of()
    assert volume(pod, "trainingjob-home") == {"name": "trainingjob-home", "emptyDir": {}}
    assert mounts(pod)["/home/trainingjob"] == "trainingjob-home"


def test_a_home_of_the_user_s_needs_no_volume_of_ours() -> None:
    assert volume(pod_of(env=[{"name": "HOME", "value": "/tmp"}]), "trainingjob-home") is None  # noqa: S108 - a value


def test_a_home_overridden_for_one_role_stays_for_the_others() -> None:
    spec: dict[str, Any] = {
        "parameterServer": {},
        "overrides": {"ps": {"env": [{"name": "HOME", "value": "/x"}]}},
    }
    assert volume(pod_of("mnist-ps-0", **spec), "trainingjob-home") is None
    assert volume(pod_of("mnist-worker-0", **spec), "trainingjob-home") is not None


def test_the_user_s_volumes_and_mounts_pass_as_they_are() -> None:
    mount = {"name": "data", "mountPath": "/data", "subPath": "digits", "readOnly": True}
    pod = pod_of(volumes=[DATA], volumeMounts=[mount])
    assert volume(pod, "data") == DATA
    assert mount in main_container(pod)["volumeMounts"]


@pytest.mark.parametrize("path", ["/home/trainingjob", "/home/trainingjob/"])
def test_a_volume_that_the_user_mounts_as_home_takes_the_place_of_ours(path: str) -> None:
    pod = pod_of(volumes=[DATA], volumeMounts=[{"name": "data", "mountPath": path}])
    assert volume(pod, "trainingjob-home") is None
    assert mounts(pod)[path] == "data"
    assert "HOME" in env_names(pod)
