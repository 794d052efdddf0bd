"""The volumes of a pod: the user's own, shared memory, and a home that can be written."""

from dataclasses import dataclass

from trainingjob.api.constants import OWN_VOLUME_PREFIX, SHM_PATH
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.model import Manifest

HOME_PATH = "/home/trainingjob"
"""The home of a program whose user the image does not know."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes of a pod and where they stand in its training container."""

    volumes: list[Manifest]
    mounts: list[Manifest]


def lay_out_volumes(spec: TrainingJobSpec, *, home: bool) -> Volumes:
    """Return the volumes of a pod.

    Args:
        spec: what the job asks for.
        home: whether the program needs a home of ours; one that the user mounts there takes its place.
    """
    own = [volume.manifest() for volume in spec.volumes or ()]
    mounts = [mount.manifest() for mount in spec.volume_mounts or ()]
    ours = {SHM_PATH: _shared_memory(spec)}
    if home and HOME_PATH not in {mount["mountPath"].rstrip("/") for mount in mounts}:
        ours[HOME_PATH] = {"name": f"{OWN_VOLUME_PREFIX}home", "emptyDir": {}}
    return Volumes(
        volumes=[*ours.values(), *own],
        mounts=[*({"name": volume["name"], "mountPath": path} for path, volume in ours.items()), *mounts],
    )


def _shared_memory(spec: TrainingJobSpec) -> Manifest:
    # The container runtime's own /dev/shm has 64 MiB, which data loaders and NCCL exceed.
    directory: Manifest = {"medium": "Memory"}
    if spec.shm_size is not None:
        directory["sizeLimit"] = spec.shm_size
    return {"name": f"{OWN_VOLUME_PREFIX}shm", "emptyDir": directory}
