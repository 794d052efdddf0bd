"""What one role runs: the job's own fields with the role's overrides applied."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from trainingjob.api.pod_fields import EnvVar, Resources, Toleration
from trainingjob.api.processes import own_command
from trainingjob.api.spec import Role, RoleOverride, TrainingJobSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """The fields of a job that may differ from role to role, decided for one of them."""

    image: str
    command: list[str] | None
    args: list[str] | None
    env: tuple[EnvVar, ...]
    resources: Resources | None
    node_selector: dict[str, str]
    tolerations: list[Toleration] | None

    @property
    def variables(self) -> frozenset[str]:
        """Return the names of the environment variables that the user sets in `env`."""
        return frozenset(item.name for item in self.env)


def resolve_role(spec: TrainingJobSpec, role: Role, framework_image: str | None = None) -> RoleSpec:
    """Return what a role runs: `env` added by name, `nodeSelector` by key, everything else replaced.

    Args:
        spec: what the job asks for.
        role: the role.
        framework_image: the image that the job's framework stands for in it; None where it has an image of its own.
    """
    override = _override(spec, role)
    return RoleSpec(
        image=_first(override.image, spec.image or framework_image or ""),
        command=_first(override.command, own_command(spec)),
        args=_first(override.args, spec.args),
        env=_merge_env(spec.env or (), override.env or ()),
        resources=_first(override.resources, spec.resources),
        node_selector={**(spec.node_selector or {}), **(override.node_selector or {})},
        tolerations=_first(override.tolerations, spec.tolerations),
    )


def _override(spec: TrainingJobSpec, role: Role) -> RoleOverride:
    given = spec.overrides
    if given is None:
        return RoleOverride()
    by_role = {
        Role.CHIEF: given.chief,
        Role.LAUNCHER: given.launcher,
        Role.WORKER: given.worker,
        Role.PS: given.ps,
        Role.EVALUATOR: given.evaluator,
    }
    return by_role[role] or RoleOverride()


def _first(override: T | None, own: T) -> T:
    return own if override is None else override


def _merge_env(own: Iterable[EnvVar], changes: Iterable[EnvVar]) -> tuple[EnvVar, ...]:
    """Add variables by name; one that is changed keeps its place, because later ones may refer to it."""
    merged = {item.name: item for item in own}
    merged.update({item.name: item for item in changes})
    return tuple(merged.values())
