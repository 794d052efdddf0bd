"""What a strategy decides: the replicas of a job and what each of their processes is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainingjob.api.spec import Role
from trainingjob.plan.model import KeySecret, Manifest
from trainingjob.plan.role_spec import RoleSpec

ROLE_ORDER = (Role.CHIEF, Role.LAUNCHER, Role.WORKER, Role.PS, Role.EVALUATOR)
"""The order in which a plan lists its replicas."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What runs in the pod's own image before its program, as an init container."""

    name: str
    command: list[str]
    mounts: tuple[Manifest, ...] = ()
    """What it mounts besides the program's volumes."""
    variables: tuple[Manifest, ...] = ()
    """What it is told besides the program's environment."""
    bare: bool = False
    """Whether it mounts nothing of what the job's fields add to a pod, but for its own mounts."""
    working_dir: str | None = None
    """The folder in which it runs; None for the image's own."""


@dataclass(frozen=True, slots=True)
class Program:
    """What the main container of a role runs, and what that needs."""

    command: list[str] | None
    args: list[str] | None
    preparation: Preparation | None = None
    volumes: tuple[Manifest, ...] = ()
    attempt_volumes: Callable[[int], tuple[Manifest, ...]] = lambda _attempt: ()
    """Attempt → the volumes that differ from one to the next."""
    mounts: tuple[Manifest, ...] = ()
    startup_probe: Manifest | None = None
    """Says when the program serves; None when it counts as started at once."""


def own_program(_role: Role, chosen: RoleSpec) -> Program:
    """Return the program that the user wrote down, as it is."""
    return Program(chosen.command, chosen.args)


@dataclass(frozen=True, slots=True)
class Layout:
    """The outcome of a strategy for one job."""

    counts: Mapping[Role, int]
    """How many replicas each role has; a role without replicas is missing."""
    primary: Role
    """The role whose replica 0 decides the job's end."""
    tell: Callable[[Role, int], list[Manifest]]
    """Role and index → the strategy's own environment variables, as in a container's `env`."""
    ports: tuple[Manifest, ...] = ()
    """The ports on which the processes serve one another, as in a Service."""
    config_maps: tuple[Manifest, ...] = ()
    """ConfigMaps that the pods refer to."""
    key_secrets: Callable[[int], tuple[KeySecret, ...]] = lambda _attempt: ()
    """Attempt → the Secrets of SSH keys that its pods mount."""
    program: Callable[[Role, RoleSpec], Program] = own_program
    """Role and what is chosen for it → what its main container runs."""
    prints: Callable[[Role], bool] = lambda _role: True
    """Role → whether what a program of the user's prints comes out of its main container."""
    restarts_alone: Callable[[Role], bool] = lambda role: role is Role.EVALUATOR
    """Role → whether the others go on while a replica of it that failed starts anew."""
    replaceable: Callable[[Role, int], bool] = lambda _role, _index: False
    """Role and index → whether the others go on when this replica is lost, and take its successor in."""


def count_roles(
    *, workers: int, servers: int = 0, chief: bool = False, evaluator: bool = False, launcher: bool = False
) -> dict[Role, int]:
    """Return the replicas of each role that exists, in the plan's order."""
    counts = {
        Role.CHIEF: int(chief),
        Role.LAUNCHER: int(launcher),
        Role.WORKER: workers,
        Role.PS: servers,
        Role.EVALUATOR: int(evaluator),
    }
    return {role: counts[role] for role in ROLE_ORDER if counts[role]}
