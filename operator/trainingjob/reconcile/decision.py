"""What is to be done for a job: values that the controller carries out, in their order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainingjob.api.status import TrainingJobStatus


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object of the job's namespace; that it exists already is success when the job owns it."""

    kind: str
    """Service, ConfigMap or Pod. Services and ConfigMaps stand before the pods that need them."""
    name: str
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete the pod of this name if it still has this uid; that it is gone already is success."""

    name: str
    uid: str
    grace_seconds: int


Action = Create | DeletePod


@dataclass(frozen=True, slots=True)
class Event:
    """A line for `kubectl describe`."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one look at a job."""

    actions: tuple[Action, ...] = ()
    status: TrainingJobStatus | None = None
    """The status as it should be stored; None when nothing may be written. It may equal the stored one."""
    urgent: bool = True
    """False when the status differs in counts alone, so that bursts of changes may be written as one."""
    wake: datetime | None = None
    """When to look again although nothing was heard; None when only a change can matter."""
