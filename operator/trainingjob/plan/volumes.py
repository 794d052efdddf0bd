"""The volumes of a pod: the user's own, shared memory, and a home that can be written."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainingjob.api.constants import OWN_VOLUME_PREFIX, SHM_PATH
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.addition import Addition
from trainingjob.plan.layout import Program
from trainingjob.plan.model import Manifest

HOME_PATH = "/home/trainingjob"
"""The home of a program whose user the image does not know."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes of a pod and where they stand in its training container."""

    volumes: list[Manifest]
    mounts: list[Manifest]
    of_program: list[Manifest]
    """Those mounts that only what the role runs needs."""
    of_additions: list[Manifest]
    """Those mounts that the job's fields add."""


def own_volume_name(name: str) -> str:
    """Return the name of a volume of the operator's own; the user's may not begin like it."""
    return f"{OWN_VOLUME_PREFIX}{name}"


def lay_out_volumes(spec: TrainingJobSpec, program: Program, additions: Sequence[Addition], *, home: bool) -> Volumes:
    """Return the volumes of a pod.

    Args:
        spec: what the job asks for.
        program: what the pod runs; where the user mounts something of their own, its mounts give way.
        additions: what the job's fields add to the pod.
        home: whether the program needs a home of ours; one that the user mounts there takes its place.
    """
    own = [volume.manifest() for volume in spec.volumes or ()]
    mounts = [mount.manifest() for mount in spec.volume_mounts or ()]
    ours = {SHM_PATH: _shared_memory(spec)}
    taken = {mount["mountPath"].rstrip("/") for mount in mounts}
    if home and HOME_PATH not in taken:
        ours[HOME_PATH] = {"name": own_volume_name("home"), "emptyDir": {}}
    of_program = [mount for mount in program.mounts if mount["mountPath"] not in taken]
    # Several additions share the workspace.
    of_additions = [mount for addition in additions for mount in addition.mounts]
    added = {volume["name"]: volume for addition in additions for volume in addition.volumes}
    return Volumes(
        volumes=[*ours.values(), *program.volumes, *added.values(), *own],
        mounts=[
            *({"name": volume["name"], "mountPath": path} for path, volume in ours.items()),
            *of_program,
            *of_additions,
            *mounts,
        ],
        of_program=of_program,
        of_additions=of_additions,
    )


def _shared_memory(spec: TrainingJobSpec) -> Manifest:
    # The container runtime's own /dev/shm has 64 MiB, which data loaders and NCCL exceed.
    directory: Manifest = {"medium": "Memory"}
    if spec.shm_size is not None:
        directory["sizeLimit"] = spec.shm_size
    return {"name": own_volume_name("shm"), "emptyDir": directory}
