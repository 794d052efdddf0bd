"""The children of a job as the operator has last seen them: small values, no API objects."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trainingjob.api.job import TrainingJob


@dataclass(frozen=True, slots=True)
class MainContainer:
    """The state of the container `main`; exactly one of waiting, started and ended is the latest that is known."""

    started: datetime | None = None
    """When the program began; None while it waits."""
    ended: datetime | None = None
    """When the program ended; None while it waits or runs."""
    exit_code: int | None = None
    """The exit code; a program ended by signal N has 128 + N. None until it has ended."""
    reason: str = ""
    """The kubelet's word: ImagePullBackOff, CreateContainerConfigError, Error, OOMKilled, Completed, …."""
    message: str = ""
    """The kubelet's sentence, or the container's own last words once it has ended."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The state of the native sidecar that uploads artifacts."""

    ended: bool = False
    """Whether it has ended; while the program runs it is started again."""
    exit_code: int | None = None
    """Its exit code; None until it has ended."""
    reason: str = ""
    """The kubelet's word: Completed, Error, OOMKilled, …."""
    report: str = ""
    """What it says at its end, as it stands in its termination message: nobody has checked it."""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """A pod that carries the label of a job's name, whoever owns it."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str
    """The uid of its controller; empty when it has none."""
    job: str
    """The value of the label that names the job."""
    role: str
    index: int
    """The replica's index; -1 when the label is missing or no number."""
    attempt: int
    phase: str
    """Pending, Running, Succeeded, Failed or Unknown, as the kubelet says; the main container decides more."""
    created: datetime
    deleting: bool
    ready: bool
    """Whether `main` runs and its probes have succeeded: the start-up probe first, then the readiness probe."""
    main: MainContainer
    reason: str = ""
    """The pod's own reason, such as Evicted or NodeLost."""
    message: str = ""
    """The pod's own message."""
    unschedulable: str = ""
    """The scheduler's message while it finds no node; empty otherwise."""
    scheduling_reason: str = ""
    """The reason of the false PodScheduled condition: Unschedulable, SchedulingGated, …."""
    others_running: bool = False
    """Whether a container that somebody injected beside `main` runs; native sidecars end with it and do not count."""
    init_trouble: str = ""
    """`reason: message` of an init container that waits or failed; empty otherwise."""
    init_name: str = ""
    """The init container that ended badly, so that `main` never begins; empty when none did. Native sidecars, which
    the kubelet starts again, are never meant."""
    init_exit_code: int | None = None
    """Its exit code; None when none ended badly."""
    init_message: str = ""
    """Its last words."""
    init_running: bool = False
    """Whether an init container is at work, for as long as it takes; native sidecars do not count."""
    conditions: tuple[tuple[str, str, str], ...] = ()
    """The pod's conditions: type, status, reason."""
    disruption: str = ""
    """The reason of the condition DisruptionTarget: PreemptionByScheduler, DeletionByTaintManager, …; empty without."""
    disruption_message: str = ""
    """What the condition says."""
    gone_by: datetime | None = None
    """Of a pod that is being deleted: when its grace period ends."""
    deleted_at: datetime | None = None
    """Of a pod that is being deleted: when somebody has asked for it, or a little before."""
    preparing: str = ""
    """The container of ours that prepares the pod now, or was the last to do so; empty when none has begun, and once
    something else goes on: another's container, or the program."""
    prepared: datetime | None = None
    """When the container that waits for other pods has found them, by the API server's clock; None before, and where
    there is no such container."""
    fetched: str = ""
    """What `fetch-source` says at its end, as it stands in its termination message: nobody has checked it."""
    artifacts: Sidecar | None = None
    """The sidecar that uploads artifacts; None in a pod that has none."""
    stopped: bool = False
    """Whether the pod has a deadline of its own, so that its kubelet ends it: see `StopPod`."""


@dataclass(frozen=True, slots=True)
class ObservedService:
    """A Service that carries the label of a job's name, whoever owns it."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str
    job: str
    deleting: bool


class RefusalKind(StrEnum):
    """Why the API server did not create a child."""

    NAME_TAKEN = "NameTaken"
    """An object of that name exists and belongs to somebody else."""
    QUOTA = "QuotaExceeded"
    """A resource quota of the namespace is used up."""
    GANG_SCHEDULER = "GangSchedulerMissing"
    """The gang's scheduler is not installed, or the operator may not make its PodGroups."""
    ADMISSION = "AdmissionRefused"
    """A policy, webhook, missing right or service account forbids it (403)."""
    INVALID = "InvalidChild"
    """The API server finds the object invalid (400, 404, 422)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A create that the API server refused the last time it was tried."""

    kind: str
    """Pod, Service, ConfigMap, Secret, PodGroup or Deployment."""
    name: str
    why: RefusalKind
    message: str
    """The API server's own words."""


@dataclass(frozen=True, slots=True)
class Children:
    """Everything that the operator has seen around one job's name."""

    pods: tuple[ObservedPod, ...] = ()
    services: tuple[ObservedService, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    confirmed_missing: frozenset[str] = frozenset()
    """Names of pods that a direct read has just not found; see `ReadPod`."""
    pod_groups_gone: frozenset[str] = frozenset()
    """Names of PodGroups of the job that are known not to exist; see `DeletePodGroup`."""
    tensorboard_gone: bool = False
    """Whether nothing of the job's TensorBoard exists, as was found out in this pass; see `DeleteTensorBoard`."""


def owned(job: TrainingJob, pods: tuple[ObservedPod, ...]) -> tuple[ObservedPod, ...]:
    """Return the pods whose controller is this very job, not an earlier one of the same name."""
    return tuple(pod for pod in pods if pod.owner_uid == job.uid)
