"""Pods that are of use only together: who places them all or none."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model

_MOST = 2**31 - 1


class GangScheduler(StrEnum):
    """Who sees to it that the pods of a job are placed together."""

    NONE = "none"
    VOLCANO = "volcano"
    COSCHEDULING = "coscheduling"
    KUEUE = "kueue"


class Gang(Model):
    """How the pods of a job are placed together."""

    scheduler: GangScheduler = Field(
        GangScheduler.NONE,
        description="Who places them; none: the operator itself, after timeoutSeconds.",
    )
    min_available: Annotated[int, Field(ge=1, le=_MOST)] | None = Field(
        None,
        description="How many pods must find a node: all that compute when not given, minNodes with elastic.",
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=_MOST)] | None = Field(
        None,
        description="Seconds that pods with a node wait for the rest; then all give way and try again later.",
    )
    queue: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] | None = (
        Field(None, description="The queue of volcano or kueue.")
    )
