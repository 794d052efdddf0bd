"""What a field of a job adds to its pods: volumes, variables, a container that runs before or beside the program."""

from collections.abc import Callable
from dataclasses import dataclass

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.layout import Preparation
from trainingjob.plan.model import Manifest, Replica
from trainingjob.plan.role_spec import RoleSpec


@dataclass(frozen=True, slots=True)
class RolePods:
    """The pods of one role, to which something is added."""

    job: TrainingJob
    spec: TrainingJobSpec
    role: Role
    chosen: RoleSpec
    own_image: str
    """The image of the containers that are ours."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What is added to each pod of a role."""

    volumes: tuple[Manifest, ...] = ()
    replica_volumes: Callable[[Replica], tuple[Manifest, ...]] = lambda _replica: ()
    """Replica → volumes that not every replica has: a claim may be mounted by the pods of one node alone."""
    mounts: tuple[Manifest, ...] = ()
    """Where they stand in the training container, and in what runs in its image before it."""
    replica_mounts: Callable[[Replica], tuple[Manifest, ...]] = lambda _replica: ()
    """Replica → mounts of its training container that not every replica has."""
    in_front: Callable[[Replica], tuple[str, ...]] = lambda _replica: ()
    """Replica → words that stand in front of its program."""
    variables: tuple[Manifest, ...] = ()
    """The training container's; the user's own may refer to them."""
    container: Callable[[Replica, int], Manifest | None] | None = None
    """Replica and attempt → an init container of ours, or None for a replica that has none."""
    preparation: Preparation | None = None
    """An init container in the training image."""
    beside: bool = False
    """Whether the container runs beside the program, and not before it."""
