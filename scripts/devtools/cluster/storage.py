"""Give every claim its volume and every node its GPUs, as drivers do on a real cluster.

All nodes share this machine's disk, so a volume is a folder that every node can mount, for many pods at once.
"""

import shutil
from pathlib import Path
from typing import Any

from devtools.cluster.api import Api
from devtools.cluster.settings import GPU, GPUS_PER_NODE

PROVISIONER = "trainingjob.dev/shared-disk"
STORAGE_CLASS = "standard"
_MARK = "pv.kubernetes.io/provisioned-by"

Object = dict[str, Any]


def storage_class() -> Object:
    """Return the cluster's default storage class."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def wants_volume(claim: Object) -> bool:
    """Return whether a claim waits for a folder of this machine."""
    spec = claim["spec"]
    return bool(
        spec.get("storageClassName") == STORAGE_CLASS
        and not spec.get("volumeName")
        and spec.get("volumeMode", "Filesystem") == "Filesystem"
        and "deletionTimestamp" not in claim["metadata"]
    )


def volume_for(claim: Object, volumes: Path) -> Object:
    """Return the volume of a claim: a folder below `volumes`, the same one however often this is asked."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    any_node = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_MARK: PROVISIONER}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "local": {"path": str(volumes / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [any_node]}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "volumeMode": "Filesystem",
        },
    }


def is_released(volume: Object) -> bool:
    """Return whether a volume of ours has lost its claim, so that its folder is to go."""
    ours = volume["metadata"].get("annotations", {}).get(_MARK) == PROVISIONER
    return ours and volume.get("status", {}).get("phase") in ("Released", "Failed")


def lacks_gpus(node: Object) -> bool:
    """Return whether a node does not offer its GPUs; a kubelet that starts takes them away."""
    status = node.get("status", {})
    return any(status.get(kind, {}).get(GPU) != GPUS_PER_NODE for kind in ("capacity", "allocatable"))


def attend(api: Api, volumes: Path) -> None:
    """Do once what is to do.

    Raises:
        ApiError: when the server refuses something.
        OSError: when it cannot be reached.
    """
    for node in _items(api, "/api/v1/nodes"):
        if lacks_gpus(node):
            offer = {GPU: GPUS_PER_NODE}
            path = f"/api/v1/nodes/{node['metadata']['name']}/status"
            api.patch(path, {"status": {"capacity": offer, "allocatable": offer}})
    for claim in _items(api, "/api/v1/persistentvolumeclaims"):
        if wants_volume(claim):
            volume = volume_for(claim, volumes)
            folder = Path(volume["spec"]["local"]["path"])
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)  # whoever the pod runs as: a driver would ask the storage for that
            api.create("/api/v1/persistentvolumes", volume)
    for volume in _items(api, "/api/v1/persistentvolumes"):
        if is_released(volume):
            shutil.rmtree(volumes / volume["metadata"]["name"], ignore_errors=True)
            api.delete(f"/api/v1/persistentvolumes/{volume['metadata']['name']}")


def _items(api: Api, path: str) -> list[Object]:
    return list(api.get(f"{path}?resourceVersion=0")["items"])
