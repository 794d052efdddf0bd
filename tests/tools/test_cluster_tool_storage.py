"""Claims get folders of this machine, and nodes get GPUs."""

from pathlib import Path
from typing import Any

from devtools.cluster import Api, storage
from devtools.cluster.api import Body

CLAIM: dict[str, Any] = {
    "metadata": {"name": "data", "namespace": "team", "uid": "u-1"},
    "spec": {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": storage.STORAGE_CLASS,
        "volumeMode": "Filesystem",
    },
}


class Server(Api):
    """An API server that lists what it is given and remembers what it is asked to change."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self._lists = lists
        self.changes: list[tuple[str, str, Any]] = []

    def get(self, path: str) -> dict[str, Any]:
        """Return a list."""
        return {"items": self._lists.get(path.partition("?")[0].rpartition("/")[2], [])}

    def create(self, path: str, body: Body) -> None:
        """Remember a creation."""
        self.changes.append(("create", path, body))

    def patch(self, path: str, body: Body) -> None:
        """Remember a patch."""
        self.changes.append(("patch", path, body))

    def delete(self, path: str) -> None:
        """Remember a deletion."""
        self.changes.append(("delete", path, None))


def _volume(phase: str) -> dict[str, Any]:
    volume = storage.volume_for(CLAIM, Path("/volumes"))
    return {**volume, "status": {"phase": phase}}


def test_a_claim_gets_a_folder_that_any_user_may_write_to(tmp_path: Path) -> None:
    server = Server(persistentvolumeclaims=[CLAIM])
    storage.attend(server, tmp_path)
    ((verb, path, volume),) = server.changes
    assert (verb, path) == ("create", "/api/v1/persistentvolumes")
    assert volume["spec"]["claimRef"]["uid"] == "u-1"
    assert volume["spec"]["accessModes"] == ["ReadWriteMany"]
    assert Path(volume["spec"]["local"]["path"]).stat().st_mode & 0o777 == 0o777


def test_claims_that_are_not_ours_or_have_a_volume_are_left_alone() -> None:
    spec, metadata = CLAIM["spec"], CLAIM["metadata"]
    others = [
        {"metadata": metadata, "spec": {**spec, "storageClassName": "other"}},
        {"metadata": metadata, "spec": {**spec, "storageClassName": None}},
        {"metadata": metadata, "spec": {**spec, "volumeName": "there"}},
        {"metadata": metadata, "spec": {**spec, "volumeMode": "Block"}},
        {"metadata": {**metadata, "deletionTimestamp": "now"}, "spec": spec},
    ]
    assert storage.wants_volume(CLAIM)
    assert not any(storage.wants_volume(claim) for claim in others)


def test_a_released_volume_goes_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pvc-u-1"
    (folder / "data").mkdir(parents=True)
    server = Server(persistentvolumes=[_volume("Released")])
    storage.attend(server, tmp_path)
    assert server.changes == [("delete", "/api/v1/persistentvolumes/pvc-u-1", None)]
    assert not folder.exists()


def test_volumes_in_use_and_volumes_of_others_stay() -> None:
    foreign = _volume("Released")
    foreign["metadata"] = {"name": "theirs"}
    assert not storage.is_released(_volume("Bound"))
    assert not storage.is_released(foreign)


def test_a_node_without_gpus_is_given_them_and_one_with_them_is_left_alone(tmp_path: Path) -> None:
    full = {"nvidia.com/gpu": "4"}
    nodes = [
        {"metadata": {"name": "new"}, "status": {"capacity": {"cpu": "2"}}},
        {"metadata": {"name": "restarted"}, "status": {"capacity": full, "allocatable": {"nvidia.com/gpu": "0"}}},
        {"metadata": {"name": "full"}, "status": {"capacity": full, "allocatable": full}},
    ]
    server = Server(nodes=nodes)
    storage.attend(server, tmp_path)
    offer = {"status": {"capacity": full, "allocatable": full}}
    assert server.changes == [
        ("patch", "/api/v1/nodes/new/status", offer),
        ("patch", "/api/v1/nodes/restarted/status", offer),
    ]


def test_the_storage_class_is_the_default_one() -> None:
    annotations = storage.storage_class()["metadata"]["annotations"]
    assert annotations == {"storageclass.kubernetes.io/is-default-class": "true"}
