"""Data that a program reads: how it gets into the pod, where it stands, who is told."""

from typing import Any

import pytest

from tests.support.builders import make_job
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
from tests.support.refused_inputs import reading
from tests.support.strategy_jobs import TRAIN, mpi
from trainingjob.contract.tasks import DownloadInputs, Input
from trainingjob.plan import Manifest

CLAIM = {"claimName": "digits"}


def downloads(pod: Manifest) -> tuple[Input, ...]:
    """Return what the pod's container is told to download."""
    return DownloadInputs.model_validate(task_of(init_containers(pod)["download-inputs"])).inputs


@pytest.mark.parametrize(
    ("item", "mount", "told"),
    [
        ({"pvc": CLAIM}, ("/trainingjob/inputs/train", {}), "/trainingjob/inputs/train"),
        (
            {"pvc": {**CLAIM, "path": "v1/train.csv"}},
            ("/trainingjob/inputs/train", {}),
            "/trainingjob/inputs/train/v1/train.csv",
        ),
        ({"pvc": CLAIM, "path": "/data"}, ("/data", {}), "/data"),
        (
            {"pvc": {**CLAIM, "path": "v1"}, "path": "/data", "mode": "mount"},
            ("/data", {"subPath": "v1"}),
            "/data",
        ),
    ],
)
def test_a_claim_is_mounted_read_only_and_the_program_is_told_where(
    item: dict[str, Any], mount: tuple[str, Manifest], told: str
) -> None:
    pod = pod_of(**reading(**item))
    path, more = mount
    assert mounts_of(main_container(pod))[path] == {"name": "trainingjob-claim-input-train", "readOnly": True, **more}
    assert volumes_of(pod)["trainingjob-claim-input-train"] == {"persistentVolumeClaim": CLAIM}
    assert env_values(pod)["INPUT_TRAIN"] == told
    assert init_containers(pod) == {}
    assert restricted_violations(pod) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [({}, "/trainingjob/inputs/train"), ({"mode": "mount"}, "/trainingjob/inputs/train"), ({"path": "/data"}, "/data")],
)
def test_what_a_driver_gives_is_mounted_read_only_and_the_program_is_told_where(
    more: dict[str, Any], told: str
) -> None:
    given = {"driver": "bucket.csi.example.com", "volumeAttributes": {"bucketName": "digits"}}
    secret = {"nodePublishSecretRef": {"name": "s3"}}
    pod = pod_of(**reading(csi={**given, **secret}, **more))
    assert mounts_of(main_container(pod))[told] == {"name": "trainingjob-csi-input-train", "readOnly": True}
    assert volumes_of(pod)["trainingjob-csi-input-train"] == {"csi": {**given, **secret, "readOnly": True}}
    assert env_values(pod)["INPUT_TRAIN"] == told
    assert init_containers(pod) == {}
    assert restricted_violations(pod) == []


@pytest.mark.parametrize(
    ("item", "uri", "mounted"),
    [
        ({"uri": "s3://b/train/"}, "s3://b/train/", None),
        (
            {"uri": "https://example.com/a.csv", "sha256": "a" * 64, "secretRef": {"name": "s3"}},
            "https://example.com/a.csv",
            "/trainingjob/credentials/input-train",
        ),
        (
            {"pvc": {**CLAIM, "path": "v1"}, "mode": "download"},
            "file:///trainingjob/stores/input-train/v1",
            "/trainingjob/stores/input-train",
        ),
    ],
)
def test_what_is_downloaded_stands_where_the_program_is_told(
    item: dict[str, Any], uri: str, mounted: str | None
) -> None:
    pod = pod_of(**reading(**item))
    container, main = init_containers(pod)["download-inputs"], main_container(pod)
    (told,) = downloads(pod)
    assert (told.uri, told.sha256) == (uri, item.get("sha256", ""))
    assert told.credentials == (mounted if "secretRef" in item else "")
    assert told.target == "/trainingjob/inputs/train" == env_values(pod)["INPUT_TRAIN"]
    volume = {"name": "trainingjob-inputs", "subPath": "train", "readOnly": True}
    assert mounts_of(main)["/trainingjob/inputs/train"] == volume
    own = {path: mount for path, mount in mounts_of(container).items() if path != "/trainingjob/inputs"}
    assert list(own) == ([mounted] if mounted else [])
    assert all(mount["readOnly"] for mount in own.values())
    assert not {mount["name"] for mount in own.values()} & {mount["name"] for mount in mounts_of(main).values()}


def test_a_download_can_stand_in_a_folder_of_the_users_choice() -> None:
    pod = pod_of(**reading(uri="s3://b/k", path="/data"))
    assert mounts_of(main_container(pod))["/data"]["subPath"] == "train"
    assert env_values(pod)["INPUT_TRAIN"] == "/data"


def test_all_downloads_of_a_pod_are_made_by_one_container() -> None:
    pod = pod_of(
        inputs=[
            {"name": "a", "uri": "s3://b/a", "secretRef": {"name": "one"}},
            {"name": "b-c", "uri": "s3://b/b", "secretRef": {"name": "two"}},
            {"name": "d", "pvc": CLAIM},
        ]
    )
    assert [item.name for item in downloads(pod)] == ["a", "b-c"]
    assert {item.credentials for item in downloads(pod)} == {
        "/trainingjob/credentials/input-a",
        "/trainingjob/credentials/input-b-c",
    }
    assert {name for name in env_names(pod) if name.startswith("INPUT_")} == {"INPUT_A", "INPUT_B_C", "INPUT_D"}


def test_the_users_variables_can_refer_to_an_input() -> None:
    names = env_names(pod_of(**reading(pvc=CLAIM), env=[{"name": "DATA", "value": "$(INPUT_TRAIN)/x"}]))
    assert names.index("INPUT_TRAIN") < names.index("DATA")


def test_a_launcher_that_runs_no_rank_downloads_nothing_and_can_still_name_the_data() -> None:
    pods = render_pods(make_job(**mpi(), **reading(uri="s3://b/k"), args=["$(INPUT_TRAIN)"]))
    with_download = {name for name, pod in pods.items() if "download-inputs" in init_containers(pod)}
    assert with_download == {"mnist-worker-0", "mnist-worker-1"}
    assert all(env_values(pod)["INPUT_TRAIN"] == "/trainingjob/inputs/train" for pod in pods.values())
    alone = pod_of("mnist-launcher-0", command=TRAIN, mpi={"launcherRunsWorker": True}, **reading(uri="s3://b/k"))
    assert "download-inputs" in init_containers(alone)
