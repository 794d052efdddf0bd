"""The volumes of a pod: the user's own, shared memory, and a home that can be written."""

from dataclasses import dataclass

from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.model import Manifest, PlanRefusedError

PREFIX = "trainingjob-"
"""What the names of the operator's own volumes begin with."""

HOME_PATH = "/home/trainingjob"
SHM_PATH = "/dev/shm"  # noqa: S108 - a mount point, not a temporary file


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes of a pod and where they stand in its training container."""

    volumes: list[Manifest]
    mounts: list[Manifest]


def lay_out_volumes(spec: TrainingJobSpec, *, home: bool) -> Volumes:
    """Return the volumes of a pod; what the user mounts at a path of ours takes its place.

    Args:
        spec: what the job asks for.
        home: whether the program needs a home of ours.

    Raises:
        PlanRefusedError: ReservedVolume for a name of ours, ShmSizeUnused when the user mounts /dev/shm as well.
    """
    own = [volume.manifest() for volume in spec.volumes or ()]
    mounts = [mount.manifest() for mount in spec.volume_mounts or ()]
    _check_names([str(volume["name"]) for volume in own])
    taken = {str(mount["mountPath"]).rstrip("/") for mount in mounts}
    if SHM_PATH in taken and spec.shm_size is not None:
        raise PlanRefusedError(
            "ShmSizeUnused", f"shmSize has no effect where volumeMounts has {SHM_PATH} too: leave one of them out."
        )
    ours = {SHM_PATH: _shared_memory(spec)}
    if home:
        ours[HOME_PATH] = {"name": f"{PREFIX}home", "emptyDir": {}}
    added = {path: volume for path, volume in ours.items() if path not in taken}
    return Volumes(
        volumes=[*added.values(), *own],
        mounts=[*({"name": volume["name"], "mountPath": path} for path, volume in added.items()), *mounts],
    )


def _shared_memory(spec: TrainingJobSpec) -> Manifest:
    # The container runtime's own /dev/shm has 64 MiB, which data loaders and NCCL exceed.
    directory: Manifest = {"medium": "Memory"}
    if spec.shm_size is not None:
        directory["sizeLimit"] = spec.shm_size
    return {"name": f"{PREFIX}shm", "emptyDir": directory}


def _check_names(names: list[str]) -> None:
    reserved = [name for name in names if name.startswith(PREFIX)]
    if reserved:
        raise PlanRefusedError(
            "ReservedVolume", f"The volume {reserved[0]} needs another name: {PREFIX}* are the operator's own."
        )
