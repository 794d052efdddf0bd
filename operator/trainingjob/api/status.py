"""The status that the operator writes: one word, its reason, and the evidence."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC, list_map
from trainingjob.api.times import parse_time


def _check_time(text: str) -> str:
    parse_time(text)
    return text


Timestamp = Annotated[str, AfterValidator(_check_time), Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with whole seconds, as Kubernetes writes its own times: `2026-01-31T12:00:00Z`."""

MAX_FAILURES = 10

MAX_RESTARTING = 1000
"""How many replicas can restart one by one at the same time."""

MAX_ARTIFACTS = 64
"""Of how many replicas the artifacts are listed; all of them count."""

MAX_METRICS = 64

PodUid = Annotated[str, Field(max_length=64)]
COMMIT = r"^[0-9a-f]{40}([0-9a-f]{24})?$"
"""The full id of a commit: SHA-1, or SHA-256 in repositories that have that."""


class StatusPart(Model):
    """A part of the status: what only a newer operator knows is passed over, for nothing here depends on it."""

    model_config = ConfigDict(extra="ignore")


class Phase(StrEnum):
    """Where a job stands, in one word."""

    PENDING = "Pending"
    PREPARING = "Preparing"
    RUNNING = "Running"
    RESTARTING = "Restarting"
    SUSPENDED = "Suspended"
    FINALIZING = "Finalizing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def terminal(self) -> bool:
        """Say whether the job has ended; such a phase never changes again."""
        return self in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


class ConditionType(StrEnum):
    """The conditions of a job; kstatus reads the first two."""

    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    FINISHED = "Finished"
    ARTIFACTS_COMPLETE = "ArtifactsComplete"


class FailureClass(StrEnum):
    """Whose fault a failure is; only the first two use up `maxRestarts`."""

    APP_FAILURE = "AppFailure"
    OUT_OF_MEMORY = "OutOfMemory"
    DISRUPTION = "Disruption"
    NODE_LOST = "NodeLost"
    INFRA = "Infra"


class Condition(StatusPart):
    """One condition, as Kubernetes' own resources have them."""

    type: str = Field(description="What the condition is about.", max_length=316)
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(description="Why, in one word of CamelCase.", max_length=1024)
    message: str = Field("", description="Why, in a sentence.", max_length=32768)
    last_transition_time: Timestamp = Field(description="When the status last changed from one value to another.")
    observed_generation: int | None = Field(None, description="The generation of the spec that it speaks of.", ge=0)


class ReplicaStatus(StatusPart):
    """How many replicas of one role are where."""

    desired: int = Field(description="Replicas that the job asks for.", ge=0)
    active: int = Field(description="Pods that exist and whose program has not ended.", ge=0)
    ready: int = Field(description="Pods whose program runs and is ready.", ge=0)
    succeeded: int = Field(description="Replicas whose program ended with exit code 0.", ge=0)
    failed: int = Field(description="Replicas whose program failed.", ge=0)
    succeeded_indexes: str | None = Field(
        None,
        description="The indexes of the replicas that have succeeded, as ranges: '0,2-5'. They are never started "
        "again.",
        max_length=65536,
    )


class Failure(StatusPart):
    """A replica that failed, with the evidence."""

    pod: str = Field(description="The pod's name.", max_length=253)
    uid: str | None = Field(None, description="The pod's uid.", max_length=64)
    role: str = Field(description="The replica's role.", max_length=63)
    index: int = Field(description="The replica's index within its role.", ge=0)
    attempt: int = Field(description="The attempt of the job that it belonged to, from 0.", ge=0)
    exit_code: int | None = Field(None, description="The program's exit code; absent when it never ran or was lost.")
    reason: str = Field(description="Why, in one word: Error, OOMKilled, Evicted, PodDeleted, ….", max_length=1024)
    failure_class: FailureClass | None = Field(
        None,
        alias="class",
        description="Whose fault it was: AppFailure and OutOfMemory are the program's, Disruption and NodeLost the "
        "cluster's; Infra is an image, volume or setting that the pod could not start with.",
    )
    message: str | None = Field(None, description="The container's own last words, shortened.", max_length=1024)
    time: Timestamp | None = Field(None, description="When the program ended.")
    restarted: bool | None = Field(None, description="Whether the replica was started anew within the attempt.")


class Ending(StatusPart):
    """An outcome that is decided while artifacts are still being uploaded."""

    phase: Literal["Succeeded", "Failed"] = Field(description="The phase in which the job will end.")
    reason: str = Field(description="Why, in one word of CamelCase.", max_length=1024)
    message: str = Field("", description="Why, in a sentence.", max_length=4096)
    time: Timestamp = Field(description="When it was decided.")


class FrameworkStatus(StatusPart):
    """Which images a framework stands for; they stay, whatever becomes of the catalogue."""

    name: str = Field(description="The framework.", max_length=63)
    version: str = Field(description="Its version, also where the job names none.", max_length=63)
    images: Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=4)] = Field(
        description="The images by their variant: cpu, gpu."
    )


class SourceStatus(StatusPart):
    """Which code the job runs."""

    uri: str | None = Field(None, description="Where an archive was fetched from.", max_length=2048)
    commit: str | None = Field(None, description="The commit that was fetched.", pattern=COMMIT)


class Artifact(StatusPart):
    """What one replica has left in the store."""

    name: str = Field(description="The replica: 'worker-0'.", max_length=63)
    uri: str = Field(description="The folder that holds the manifest and the files.", max_length=2048)
    sha256: str | None = Field(
        None, description="The digest of the manifest; absent when nothing is known of one.", pattern=r"^[0-9a-f]{64}$"
    )
    files: int | None = Field(None, description="How many files it has; absent when that is not known.", ge=0)
    bytes: int | None = Field(None, description="How large they are together; absent when that is not known.", ge=0)
    complete: bool = Field(description="Whether everything is there that the program has left.")


class MetricStatus(StatusPart):
    """The last value of a metric."""

    name: str = Field(description="The name that the program gave it.", max_length=63)
    value: float = Field(description="Its last value.")
    step: int | None = Field(None, description="The step of the training to which the value belongs.", ge=0)


class TensorBoardStatus(StatusPart):
    """The TensorBoard of the job; its Deployment and its Service are there, or about to be."""

    url: str | None = Field(
        None, description="Its address within the cluster; absent while it cannot be created.", max_length=256
    )
    message: str | None = Field(None, description="Why it cannot be created.", max_length=1024)


class TrainingJobStatus(StatusPart):
    """What the operator says of the job; users only read it."""

    observed_generation: int = Field(-1, description="The generation of the spec that this status speaks of.", ge=-1)
    phase: Phase | None = Field(None, description="Where the job stands, in one word.")
    reason: str | None = Field(None, description="Why it stands there, in one word of CamelCase.", max_length=1024)
    message: str | None = Field(None, description="Why, in the blocking pod's own words.", max_length=4096)
    conditions: Annotated[list[Condition], Field(max_length=32), list_map("type")] | None = Field(
        None,
        description="What holds of the job: Reconciling, Stalled, Running, Suspended, Succeeded, Failed, Finished, "
        "ArtifactsComplete.",
    )
    attempt: int | None = Field(None, description="The current attempt, from 0.", ge=0)
    restarts: int | None = Field(
        None, description="How many restarts count against maxRestarts: those that the program caused.", ge=0
    )
    disruptions: int | None = Field(
        None, description="How many restarts count against maxDisruptions: those that the cluster caused.", ge=0
    )
    replicas: Annotated[dict[str, ReplicaStatus], Field(max_length=8)] | None = Field(
        None, description="The count of replicas for each role."
    )
    ready: str | None = Field(
        None, description="Replicas that are ready or have succeeded, of all: '2/3'.", max_length=32
    )
    start_time: Timestamp | None = Field(None, description="When the program of every replica had started.")
    attempt_start_time: Timestamp | None = Field(
        None, description="When the program of every replica of the current attempt had started."
    )
    restart_time: Timestamp | None = Field(
        None, description="When the pods of the last restart may begin; absent before the first one."
    )
    suspended_seconds: int | None = Field(None, description="How long the job was suspended, in total.", ge=0)
    completion_time: Timestamp | None = Field(None, description="When the job ended.")
    failures: Annotated[list[Failure], Field(max_length=MAX_FAILURES), ATOMIC] | None = Field(
        None, description="The last replicas that failed, the earliest first."
    )
    gang_retries: int | None = Field(
        None, description="How often the pods gave way because not enough found a node in time.", ge=0
    )
    gang_retry_time: Timestamp | None = Field(None, description="When they may then be created again.")
    restarting: Annotated[dict[str, PodUid], Field(max_length=MAX_RESTARTING)] | None = Field(
        None,
        description="Pods, by name with their uid, whose replica's restart is counted while they may still be there.",
    )
    framework: FrameworkStatus | None = Field(
        None, description="What spec.framework stands for, as it was found when the job began."
    )
    source: SourceStatus | None = Field(None, description="Which code the job runs, as it was found when it began.")
    ending: Ending | None = Field(
        None,
        description="The outcome, from the end of the training on; it never changes, whatever becomes of the pods.",
    )
    artifacts: Annotated[list[Artifact], Field(max_length=MAX_ARTIFACTS), list_map("name")] | None = Field(
        None, description="What the replicas of the last attempt have left in the store."
    )
    metrics: Annotated[list[MetricStatus], Field(max_length=MAX_METRICS), list_map("name")] | None = Field(
        None, description="The last values of the metrics that the program has written."
    )
    tensorboard: TensorBoardStatus | None = Field(
        None, description="The job's TensorBoard; absent before it is created and once it is deleted."
    )

    @property
    def finished(self) -> bool:
        """Say whether the job has ended, also in a phase that only a newer operator knows."""
        if self.phase is not None and self.phase.terminal:
            return True
        return any(c.type == ConditionType.FINISHED and c.status == "True" for c in self.conditions or [])
