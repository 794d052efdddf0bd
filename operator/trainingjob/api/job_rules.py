"""The rules of a job's own fields: what contradicts itself, and what can never change."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.capture_rules import SPEC_CAPTURE_RULES
from trainingjob.api.constants import ANNOTATION_DEFAULT_CONTAINER, GROUP
from trainingjob.api.environment_rules import SPEC_ENVIRONMENT_RULES
from trainingjob.api.failure_rules import SPEC_FAILURE_RULES
from trainingjob.api.gang_rules import SPEC_GANG_RULES
from trainingjob.api.input_rules import SPEC_INPUT_RULES
from trainingjob.api.output_rules import SPEC_OUTPUT_RULES
from trainingjob.api.pod_fields import Resources
from trainingjob.api.rule import Rule, Words, exactly_one, literal, readable_quantity
from trainingjob.api.source_rules import SPEC_SOURCE_RULES
from trainingjob.api.spec import Overrides, RoleOverride, TrainingJobSpec
from trainingjob.api.strategy_rules import SPEC_STRATEGY_RULES
from trainingjob.api.tensorboard_rules import SPEC_TENSORBOARD_RULES

MUTABLE = frozenset(
    {
        "evaluatorGraceSeconds",
        "suspend",
        "cancel",
        "maxRestarts",
        "maxDisruptions",
        "activeDeadlineSeconds",
        "pendingDeadlineSeconds",
        "podTTLSeconds",
        "ttlSecondsAfterFinished",
        "onNodeLost",
        "tensorboard",
    }
)
"""The fields of a spec that may change at any time; no pod is made of them.

Of `torch`, `nodes` may change as well where `elastic` is given.
"""

MUTABLE_WHILE_SUSPENDED = frozenset(
    {
        "nodeSelector",
        "tolerations",
        "affinity",
        "topologySpread",
        "priorityClassName",
        "schedulerName",
        "runtimeClassName",
        "podLabels",
        "podAnnotations",
        "resources",
        "gang",
    }
)
"""The fields that may change besides while a job is suspended and has no pods: where they run, what they ask for."""

REPLICAS: Mapping[str, tuple[str, ...]] = {
    "parameterServer": ("workers", "servers"),
    "multiWorker": ("workers",),
    "mpi": ("nodes",),
    "torch": ("nodes",),
}
"""The counts of replicas, by strategy, that may change then as well."""

_QUALIFIED_NAME = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_CONTROLLER = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[-A-Za-z0-9/._~%!$&'()*+,;=:]+$"
"""A domain and a path, as Kubernetes' own Jobs have it."""

_EXTENDED_RESOURCE = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"


def _keys(field: str, fits: str, bad: Callable[[str], bool], sentence: str) -> Rule[Any]:
    """Return a rule on every key of a map; the sentence names the first that breaks it."""

    def broken(part: Model) -> Words | None:
        given: Collection[str] = getattr(part, field_names(type(part))[field]) or ()
        return next(((key,) for key in given if bad(key)), None)

    return Rule(
        f"!has(self.{field}) || self.{field}.all(key, {fits})",
        broken,
        sentence,
        (f"self.{field}.filter(key, !({fits}))[0]",),
        field=field,
    )


def _qualified_keys(field: str) -> Rule[Any]:
    return _keys(
        field,
        f"key.matches({literal(_QUALIFIED_NAME)})",
        lambda key: re.search(_QUALIFIED_NAME, key) is None,
        "%s cannot be a key; use letters, digits, '-', '_' and '.', at most 63, after an optional domain and '/'",
    )


def _foreign_keys(field: str, *reserved: str) -> Rule[Any]:
    own = f"{GROUP}/"
    return _keys(
        field,
        f"!key.startsWith({literal(own)}) && !(key in {literal(reserved)})",
        lambda key: key.startswith(own) or key in reserved,
        "%s is set by the operator; choose another key",
    )


def _controller() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        name = spec.managed_by
        return None if name is None or re.search(_CONTROLLER, name) else (name,)

    return Rule(
        f"!has(self.managedBy) || self.managedBy.matches({literal(_CONTROLLER)})",
        broken,
        "'%s' is no controller; give a name with a domain, such as example.com/controller",
        ("self.managedBy",),
        field="managedBy",
    )


def _program(field: str) -> Rule[Any]:
    def broken(part: Model) -> Words | None:
        words = getattr(part, field_names(type(part))[field])
        return () if words and not words[0] else None

    return Rule(
        f"!has(self.{field}) || self.{field}.size() == 0 || self.{field}[0] != ''",
        broken,
        "the first word is empty; it must be the program",
        field=field,
    )


def _mounted_volumes() -> Rule[TrainingJobSpec]:
    exists = "has(self.volumes) && self.volumes.exists(volume, volume.name == mount.name)"

    def broken(spec: TrainingJobSpec) -> Words | None:
        names = {volume.name for volume in spec.volumes or ()}
        return next(((mount.name,) for mount in spec.volume_mounts or () if mount.name not in names), None)

    return Rule(
        f"!has(self.volumeMounts) || self.volumeMounts.all(mount, {exists})",
        broken,
        "%s is no volume of this job; add it to spec.volumes or name one that is there",
        (f"self.volumeMounts.filter(mount, !({exists}))[0].name",),
        field="volumeMounts",
    )


def _accelerator_in(place: str) -> Rule[TrainingJobSpec]:
    """Return the rule that the resources at a place do not name the accelerator."""
    steps = place.split(".")
    resources = ".?".join(["self", *steps])
    holds = (
        f"!{resources}.?requests[?self.accelerator].hasValue() && !{resources}.?limits[?self.accelerator].hasValue()"
    )

    def broken(spec: TrainingJobSpec) -> Words | None:
        part: Model | None = spec
        for step in steps:
            part = part and getattr(part, field_names(type(part))[step])
        named = isinstance(part, Resources) and spec.accelerator in {**(part.requests or {}), **(part.limits or {})}
        return (spec.accelerator,) if named else None

    return Rule(
        holds,
        broken,
        "%s is asked for with spec.gpusPerWorker, so that the roles that need none get none; leave it out here",
        ("self.accelerator",),
        field=place,
    )


_SPEC: tuple[Rule[TrainingJobSpec], ...] = (
    exactly_one(TrainingJobSpec, "image", "framework"),
    *SPEC_STRATEGY_RULES,
    *SPEC_FAILURE_RULES,
    *SPEC_GANG_RULES,
    *SPEC_SOURCE_RULES,
    *SPEC_OUTPUT_RULES,
    *SPEC_CAPTURE_RULES,
    *SPEC_INPUT_RULES,
    *SPEC_ENVIRONMENT_RULES,
    *SPEC_TENSORBOARD_RULES,
    Rule(
        f"self.accelerator.matches({literal(_EXTENDED_RESOURCE)})",
        lambda spec: None if re.search(_EXTENDED_RESOURCE, spec.accelerator) else (spec.accelerator,),
        "%s is no extended resource; write it with its domain, such as nvidia.com/gpu",
        ("self.accelerator",),
        field="accelerator",
    ),
    Rule(
        "!has(self.workingDir) || self.workingDir.startsWith('/')",
        lambda spec: None if (spec.working_dir or "/").startswith("/") else (spec.working_dir or "",),
        "%s is a relative path; begin with /",
        ("self.workingDir",),
        field="workingDir",
    ),
    _controller(),
    readable_quantity("has(self.shmSize)", "self.shmSize", "shmSize"),
    _program("command"),
    _mounted_volumes(),
    _accelerator_in("resources"),
    *(_accelerator_in(f"overrides.{role}.resources") for role in field_names(Overrides)),
    _qualified_keys("nodeSelector"),
    _qualified_keys("podLabels"),
    _foreign_keys("podLabels"),
    _qualified_keys("podAnnotations"),
    _foreign_keys("podAnnotations", ANNOTATION_DEFAULT_CONTAINER),
)

JOB_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    TrainingJobSpec: _SPEC,
    RoleOverride: (_program("command"), _qualified_keys("nodeSelector")),
}
