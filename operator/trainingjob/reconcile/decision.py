"""What is to be done for a job: values that the controller carries out, in their order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import Phase, TrainingJobStatus


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object of the job's namespace; that it exists already is success when the job owns it."""

    kind: str
    """Service, ConfigMap, Secret, PodGroup, Pod or Deployment."""
    name: str
    manifest: dict[str, Any]
    known_as: str = ""
    """Of a Secret: the hosts, as in the first column of `known_hosts`, whose keys are made and put into its data."""
    apart: bool = False
    """Whether no pod needs it, so that it is created after the pods. All others stand before them."""


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete the pod of this name if it still has this uid; that it is gone already is success."""

    name: str
    uid: str
    grace_seconds: int


@dataclass(frozen=True, slots=True)
class StopPod:
    """End the programs of the pod of this name if it still has this uid, and let the pod stay and tell of its end."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ReadPod:
    """Ask the API server for a pod that the cache misses, before its loss is believed.

    What is found is put among the children of the second look of the same pass; a name that is not found is added to
    `Children.confirmed_missing` of that look. Neither is remembered beyond the pass. When the pod was found although
    the cache misses it (somebody changed its labels), the key is looked at again after 15 s.
    """

    name: str


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete the job itself, with all that it owns, if it is still this one in this version."""

    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class DeletePodGroup:
    """Delete the PodGroup of this name if the job owns it; that it is gone already is success.

    Once it is known to be gone its name is among `Children.pod_groups_gone`, until it is created again.
    """

    api_version: str
    name: str


@dataclass(frozen=True, slots=True)
class DeleteTensorBoard:
    """Delete the Service and the Deployment of this name if the job owns them; that they are gone already is success.

    `Children.tensorboard_gone` says so in the second look of the same pass.
    """

    name: str


Action = Create | DeletePod | StopPod | DeleteJob | DeletePodGroup | DeleteTensorBoard | ReadPod


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


def say(
    job: TrainingJob, status: TrainingJobStatus, actions: tuple[Action, ...] = (), wake: datetime | None = None
) -> Decision:
    """Return the decision that a job's status be this; it is urgent when more than counts and wording changes."""
    return Decision(actions, status, urgent=is_news(job, status), wake=wake)


def is_news(job: TrainingJob, status: TrainingJobStatus) -> bool:
    """Say whether a status differs from the stored one in more than counts and wording."""
    return _core(status) != _core(job.status)


def _core(status: TrainingJobStatus) -> tuple[object, ...]:
    conditions = tuple((c.type, c.status, c.reason) for c in status.conditions or [])
    failures = tuple((f.pod, f.attempt, f.uid) for f in status.failures or [])
    times = status.start_time, status.attempt_start_time, status.restart_time
    counted = status.attempt, status.restarts, status.disruptions, tuple(sorted((status.restarting or {}).items()))
    # What a pod is being prepared with is wording: it may change several times within a second.
    reason = None if status.phase is Phase.PREPARING else status.reason
    return status.observed_generation, status.phase, reason, conditions, failures, times, counted
