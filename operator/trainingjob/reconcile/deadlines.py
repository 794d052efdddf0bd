"""When a job has taken too long: to start, or to end. Both follow from stored times."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.times import parse_time
from trainingjob.reconcile.clocks import suspended_seconds, waits_since

DEADLINE_EXCEEDED = "DeadlineExceeded"
PENDING_DEADLINE_EXCEEDED = "PendingDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which the job has failed."""

    at: datetime
    reason: str
    message: str


def next_deadline(job: TrainingJob, spec: TrainingJobSpec, now: datetime) -> Deadline | None:
    """Return the deadline that comes first, also when it has passed; None for a job without one."""
    found = [deadline for deadline in (_active(job, spec, now), _pending(job, spec)) if deadline]
    return min(found, key=lambda deadline: deadline.at, default=None)


def _active(job: TrainingJob, spec: TrainingJobSpec, now: datetime) -> Deadline | None:
    seconds = spec.active_deadline_seconds
    if seconds is None or job.status.start_time is None:
        return None
    at = parse_time(job.status.start_time) + timedelta(seconds=seconds + suspended_seconds(job, now))
    return Deadline(at, DEADLINE_EXCEEDED, f"The job has run for longer than activeDeadlineSeconds ({seconds}).")


def _pending(job: TrainingJob, spec: TrainingJobSpec) -> Deadline | None:
    seconds = spec.pending_deadline_seconds
    if seconds is None or job.status.attempt_start_time is not None:
        return None
    at = waits_since(job) + timedelta(seconds=seconds)
    said = f" It waited for: {job.status.message}" if job.status.message else ""
    message = f"Not every replica ran within pendingDeadlineSeconds ({seconds}).{said}"
    return Deadline(at, PENDING_DEADLINE_EXCEEDED, message)
