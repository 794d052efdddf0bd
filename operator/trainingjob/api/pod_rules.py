"""The rules of the parts that are shaped as Kubernetes shapes them: what its API server would refuse in a pod later."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.constants import (
    MAIN_CONTAINER,
    OWN_VOLUME_PREFIX,
    RESERVED_ENV_NAMES,
    RESERVED_ENV_PREFIXES,
    SHM_PATH,
)
from trainingjob.api.pod_fields import (
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    Resources,
    SecurityContext,
    Toleration,
)
from trainingjob.api.rule import Rule, Words, exactly_one, literal, readable_quantity
from trainingjob.api.scheduling import LabelRequirement, NodeRequirement, TopologySpread
from trainingjob.api.volumes import DownwardFile, ProjectedSource, Volume, VolumeMount

_PLAIN_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_SHM_PATTERN = "^" + SHM_PATH.replace("/", "/+") + "/*$"
_OUTSIDE_PATTERN = r"^/|^\.\.$|^\.\./|/\.\./|/\.\.$"


def _reserved(variable: EnvVar) -> Words | None:
    taken = variable.name in RESERVED_ENV_NAMES or variable.name.startswith(RESERVED_ENV_PREFIXES)
    return (variable.name,) if taken else None


_ENV_VAR: tuple[Rule[EnvVar], ...] = (
    Rule(
        " && ".join(
            [
                f"!(self.name in {literal(RESERVED_ENV_NAMES)})",
                *(f"!self.name.startsWith({literal(prefix)})" for prefix in RESERVED_ENV_PREFIXES),
            ]
        ),
        _reserved,
        "%s is set by the operator; choose another name",
        ("self.name",),
        field="name",
    ),
    Rule(
        "!(has(self.value) && has(self.valueFrom))",
        lambda variable: (variable.name,) if None not in (variable.value, variable.value_from) else None,
        "%s has both value and valueFrom; keep one of them",
        ("self.name",),
    ),
)


def _readable_memory(field: str) -> Rule[Resources]:
    value = f"self.{field}['memory']"
    return readable_quantity(f"has(self.{field}) && 'memory' in self.{field}", value, f"{field}['memory']")


def _is_resource(name: str) -> bool:
    return name in _PLAIN_RESOURCES or name.startswith("hugepages-") or "/" in name


def _unknown_resources(field: str) -> Rule[Resources]:
    known = " || ".join([f"name in {literal(_PLAIN_RESOURCES)}", "name.startsWith('hugepages-')", "name.contains('/')"])

    def broken(resources: Resources) -> Words | None:
        given: Iterable[str] = getattr(resources, field) or ()
        return next(((name,) for name in given if not _is_resource(name)), None)

    return Rule(
        f"!has(self.{field}) || self.{field}.all(name, {known})",
        broken,
        f"%s is no resource of a container; {', '.join(_PLAIN_RESOURCES)} are, and names with a domain",
        (f"self.{field}.filter(name, !({known}))[0]",),
        field=field,
    )


_SECURITY_CONTEXT: tuple[Rule[SecurityContext], ...] = (
    Rule(
        "self.?profile.orValue('') != 'restricted' || self.?runAsUser.orValue(1) != 0",
        lambda context: () if context.profile == "restricted" and context.run_as_user == 0 else None,
        "0 is root, which the profile restricted does not allow; choose another user or profile: baseline",
        field="runAsUser",
    ),
)

_TOLERATION: tuple[Rule[Toleration], ...] = (
    Rule(
        "self.?operator.orValue('') != 'Exists' || self.?value.orValue('') == ''",
        lambda item: (item.value,) if item.operator == "Exists" and item.value else None,
        "the operator Exists compares with no value; leave %s out or use Equal",
        ("self.value",),
        field="value",
    ),
    Rule(
        "self.?key.orValue('') != '' || self.?operator.orValue('') == 'Exists'",
        lambda item: None if item.key or item.operator == "Exists" else (),
        "a toleration without a key stands for every taint and needs the operator Exists",
    ),
    Rule(
        "!has(self.tolerationSeconds) || self.?effect.orValue('') == 'NoExecute'",
        lambda item: None if item.toleration_seconds is None or item.effect == "NoExecute" else (),
        "only a taint with the effect NoExecute is tolerated for a time; set effect: NoExecute or leave it out",
        field="tolerationSeconds",
    ),
)


def _value_counts(item: NodeRequirement | LabelRequirement) -> Words | None:
    count = len(item.values or ())
    fits = {"Exists": count == 0, "DoesNotExist": count == 0, "Gt": count == 1, "Lt": count == 1}
    return None if fits.get(item.operator, count > 0) else (item.operator, count)


_REQUIREMENT: Rule[Any] = Rule(
    "(self.operator in ['Exists', 'DoesNotExist'] ? self.?values.orValue([]).size() == 0 : "
    "self.operator in ['Gt', 'Lt'] ? self.?values.orValue([]).size() == 1 : self.?values.orValue([]).size() > 0)",
    _value_counts,
    "the operator %s does not fit %d values: In and NotIn take some, Gt and Lt one, Exists and DoesNotExist none",
    ("self.operator", "self.?values.orValue([]).size()"),
    field="values",
)

_TOPOLOGY_SPREAD: tuple[Rule[TopologySpread], ...] = (
    Rule(
        "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
        lambda spread: None if spread.min_domains is None or spread.when_unsatisfiable == "DoNotSchedule" else (),
        "only whenUnsatisfiable: DoNotSchedule counts places; set that or leave minDomains out",
        field="minDomains",
    ),
)

_VOLUME: tuple[Rule[Volume], ...] = (
    exactly_one(Volume),
    Rule(
        f"!self.name.startsWith({literal(OWN_VOLUME_PREFIX)})",
        lambda volume: (volume.name,) if volume.name.startswith(OWN_VOLUME_PREFIX) else None,
        f"%s is a name of the operator's own volumes; choose one that does not begin with {OWN_VOLUME_PREFIX}",
        ("self.name",),
        field="name",
    ),
)

_DOWNWARD_FILE: tuple[Rule[DownwardFile], ...] = (
    exactly_one(DownwardFile, "fieldRef", "resourceFieldRef"),
    Rule(
        "!has(self.resourceFieldRef) || has(self.resourceFieldRef.containerName)",
        lambda item: () if item.resource_field_ref and not item.resource_field_ref.container_name else None,
        f"a volume must say which container is meant; add containerName: {MAIN_CONTAINER}",
        field="resourceFieldRef",
    ),
)

_VOLUME_MOUNT: tuple[Rule[VolumeMount], ...] = (
    Rule(
        f"self.mountPath.matches({literal('^/[^:]*$')})",
        lambda mount: None if re.search("^/[^:]*$", mount.mount_path) else (mount.mount_path,),
        "%s is no path of a container; it must begin with / and have no ':'",
        ("self.mountPath",),
        field="mountPath",
    ),
    Rule(
        f"!self.mountPath.matches({literal(_SHM_PATTERN)})",
        lambda mount: () if re.search(_SHM_PATTERN, mount.mount_path) else None,
        f"{SHM_PATH} is there already, as memory; set spec.shmSize to bound it and leave this mount out",
        field="mountPath",
    ),
    Rule(
        f"!has(self.subPath) || !self.subPath.matches({literal(_OUTSIDE_PATTERN)})",
        lambda mount: (str(mount.sub_path),) if re.search(_OUTSIDE_PATTERN, mount.sub_path or "") else None,
        "%s leaves the volume; it must not begin with / or contain ..",
        ("self.subPath",),
        field="subPath",
    ),
    Rule(
        "!(has(self.subPath) && has(self.subPathExpr))",
        lambda mount: () if mount.sub_path and mount.sub_path_expr else None,
        "there is a subPath too; keep one of the two",
        field="subPathExpr",
    ),
)

POD_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    EnvVar: _ENV_VAR,
    EnvVarSource: (exactly_one(EnvVarSource),),
    EnvFromSource: (exactly_one(EnvFromSource, "configMapRef", "secretRef"),),
    Resources: (
        _unknown_resources("requests"),
        _unknown_resources("limits"),
        _readable_memory("requests"),
        _readable_memory("limits"),
    ),
    SecurityContext: _SECURITY_CONTEXT,
    Toleration: _TOLERATION,
    NodeRequirement: (_REQUIREMENT,),
    LabelRequirement: (_REQUIREMENT,),
    TopologySpread: _TOPOLOGY_SPREAD,
    Volume: _VOLUME,
    ProjectedSource: (exactly_one(ProjectedSource),),
    DownwardFile: _DOWNWARD_FILE,
    VolumeMount: _VOLUME_MOUNT,
}
