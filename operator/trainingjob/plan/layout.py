"""What a strategy decides: the replicas of a job and what each of their processes is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainingjob.api.spec import Role
from trainingjob.plan.model import KeySecret, Manifest

ROLE_ORDER = (Role.CHIEF, Role.WORKER, Role.PS, Role.EVALUATOR)
"""The order in which a plan lists its replicas."""


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


def count_roles(*, workers: int, servers: int = 0, chief: bool = False, evaluator: bool = False) -> dict[Role, int]:
    """Return the replicas of each role that exists, in the plan's order."""
    counts = {Role.CHIEF: int(chief), Role.WORKER: workers, Role.PS: servers, Role.EVALUATOR: int(evaluator)}
    return {role: counts[role] for role in ROLE_ORDER if counts[role]}
