"""The parts of a pod that a job may choose, shaped as Kubernetes shapes them.

This is an allow-list: what a pod may contain is what stands here and in `spec.py`. There is no free pod
template, because a list of forbidden fields has to be right about every field that Kubernetes ever adds.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from trainingjob.api.base import Model
from trainingjob.api.constants import MAIN_CONTAINER
from trainingjob.api.lists import ATOMIC
from trainingjob.api.rule import NO_QUANTITY

QUANTITY_PATTERN = (
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
"""Kubernetes' quantities without the negative ones, which nothing of a pod can have."""

LABEL_VALUE_PATTERN = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
ENV_NAME_PATTERN = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
"""What every supported release of Kubernetes takes as a variable's name."""


def _read_quantity(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(QUANTITY_PATTERN, value):
        return value
    raise ValueError(NO_QUANTITY % value)


Quantity = Annotated[
    int | str,
    PlainValidator(_read_quantity),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 64, "pattern": QUANTITY_PATTERN}),
]
"""A Kubernetes quantity: 2, 500m, 4Gi. It stays as the user wrote it."""

Name = Annotated[str, Field(min_length=1, max_length=253)]
ShortText = Annotated[str, Field(max_length=4096)]
LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE_PATTERN)]
Labels = Annotated[dict[str, LabelValue], Field(max_length=64)]
Annotations = Annotated[dict[str, Annotated[str, Field(max_length=65536)]], Field(max_length=64)]
Quantities = Annotated[dict[str, Quantity], Field(max_length=32)]
Id = Annotated[int, Field(ge=0, le=2147483647)]
Word = Annotated[str, Field(max_length=65536)]
Words = Annotated[list[Word], Field(max_length=1024), ATOMIC]


class NameReference(Model):
    """A reference to an object of the job's own namespace."""

    name: Name = Field(description="The object's name.")


class ConfigMapKeyRef(Model):
    """A key of a ConfigMap or a Secret."""

    name: Name = Field(description="The object's name.")
    key: Name = Field(description="The key within the object.")
    optional: bool | None = Field(None, description="Whether the object or the key may be missing.")


class FieldRef(Model):
    """A field of the pod itself."""

    field_path: ShortText = Field(description="The path of the field, such as metadata.name or status.podIP.")
    api_version: ShortText | None = Field(None, description="The version of the path's schema; v1 when not given.")


class ResourceFieldRef(Model):
    """A resource of a container of the pod."""

    resource: ShortText = Field(description="The resource, such as limits.memory.")
    container_name: Literal["main"] | None = Field(
        None, description=f"The container; there is only {MAIN_CONTAINER}. Required in volumes."
    )
    divisor: Quantity | None = Field(None, description="The unit of the value.")


class EnvVarSource(Model):
    """Where a variable's value comes from: exactly one of these."""

    config_map_key_ref: ConfigMapKeyRef | None = Field(None, description="A key of a ConfigMap.")
    secret_key_ref: ConfigMapKeyRef | None = Field(None, description="A key of a Secret.")
    field_ref: FieldRef | None = Field(None, description="A field of the pod.")
    resource_field_ref: ResourceFieldRef | None = Field(None, description="A resource of the container.")


class EnvVar(Model):
    """An environment variable of the training program."""

    name: Annotated[str, Field(min_length=1, max_length=256, pattern=ENV_NAME_PATTERN)] = Field(
        description="The variable's name."
    )
    value: Annotated[str, Field(max_length=131072)] | None = Field(
        None, description="The value; $(NAME) stands for a variable that is defined earlier."
    )
    value_from: EnvVarSource | None = Field(None, description="Where the value comes from instead.")


class OptionalReference(Model):
    """A ConfigMap or Secret that may be allowed to be missing."""

    name: Name = Field(description="The object's name.")
    optional: bool | None = Field(None, description="Whether the object may be missing.")


class EnvFromSource(Model):
    """All keys of a ConfigMap or a Secret as environment variables."""

    prefix: ShortText | None = Field(None, description="Text put before each key.")
    config_map_ref: OptionalReference | None = Field(None, description="The ConfigMap.")
    secret_ref: OptionalReference | None = Field(None, description="The Secret.")


class Resources(Model):
    """What a container asks for and may use at most. GPUs are asked for with gpusPerWorker."""

    requests: Quantities | None = Field(
        None, description="What the scheduler sets aside: cpu: 500m, memory: 4Gi, ephemeral-storage, …."
    )
    limits: Quantities | None = Field(None, description="What the container may use at most.")


class Toleration(Model):
    """A taint of nodes that the pods tolerate."""

    key: ShortText | None = Field(None, description="The taint's key; empty with operator Exists means every taint.")
    operator: Literal["Equal", "Exists"] | None = Field(
        None, description="How the value is compared; Equal when not given."
    )
    value: ShortText | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The taint's effect; all effects when not given."
    )
    toleration_seconds: int | None = Field(
        None, description="How long a NoExecute taint is tolerated; for ever when not given."
    )


class DNSOption(Model):
    """An option of the resolver."""

    name: ShortText = Field(description="The option's name.")
    value: ShortText | None = Field(None, description="The option's value.")


class DNSConfig(Model):
    """What is added to the pods' resolver configuration."""

    nameservers: Annotated[list[ShortText], Field(max_length=3), ATOMIC] | None = Field(
        None, description="Addresses of name servers."
    )
    searches: Annotated[list[ShortText], Field(max_length=32), ATOMIC] | None = Field(
        None, description="Search domains."
    )
    options: Annotated[list[DNSOption], Field(max_length=32), ATOMIC] | None = Field(
        None, description="Options of the resolver."
    )


class SecurityContext(Model):
    """Under which Pod Security level and which ids the program runs."""

    profile: Literal["restricted", "baseline"] | None = Field(
        None,
        description="The Pod Security level that the pods satisfy; restricted unless the operator is configured "
        "otherwise. With baseline the image's own user is kept, root included.",
    )
    run_as_user: Id | None = Field(
        None, description="The user id of the program; 1000 under restricted, the image's own under baseline."
    )
    run_as_group: Id | None = Field(None, description="The group id of the program; 1000 under restricted.")
    fs_group: Id | None = Field(None, description="The group that owns the volumes; 1000 under restricted.")
    supplemental_groups: Annotated[list[Id], Field(max_length=32), ATOMIC] | None = Field(
        None, description="Further groups of the program, for shared file systems."
    )
