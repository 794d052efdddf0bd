"""The status of a job whose run is interrupted: it starts anew, in part or as a whole, or has to wait for its user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import ConditionType, Phase, TrainingJobStatus
from trainingjob.api.times import format_time
from trainingjob.reconcile.conditions import Claim
from trainingjob.reconcile.counts import count_replicas, empty_counts, ready_text, recount
from trainingjob.reconcile.failures import mark_restarted
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView
from trainingjob.reconcile.writing import closed, found_in, full_start, still_ending, still_restarting, write

REPLICA_RESTARTING = "ReplicaRestarting"


@dataclass(frozen=True, slots=True)
class Restart:
    """What starts replicas anew."""

    why: tuple[str, str]
    """A reason in one word, and a message."""
    counts: Mapping[str, int]
    """What is spent by now, by its field of the status."""
    due: datetime
    """When the new pods may be created."""


def restarting(
    job: TrainingJob, replicas: ReplicaSet, failed: Sequence[ReplicaView], restart: Restart, now: datetime
) -> TrainingJobStatus:
    """Return the status of a job of which every replica starts anew."""
    reason, message = restart.why
    claims = [
        Claim(ConditionType.RECONCILING, True, reason, message),
        Claim(ConditionType.RUNNING, False, reason, message),
    ]
    attempt = (job.status.attempt or 0) + 1
    fresh = {role: empty_counts(found.desired) for role, found in count_replicas(replicas).items()}
    return write(
        job,
        now,
        claims,
        phase=Phase.RESTARTING,
        reason=reason,
        message=f"{closed(message)} Attempt {attempt} begins at {format_time(restart.due)}.",
        start_time=job.status.start_time or full_start(replicas, now),
        **found_in(job, replicas, failed),
    ).model_copy(
        update={
            **restart.counts,
            "attempt": attempt,
            "attempt_start_time": None,
            "restart_time": format_time(restart.due),
            "restarting": None,
            "replicas": fresh,
            "ready": ready_text(fresh.values()),
        }
    )


def replacing(
    job: TrainingJob, replicas: ReplicaSet, failed: Sequence[ReplicaView], restart: Restart, now: datetime
) -> TrainingJobStatus:
    """Return the status of a job that goes on while some of its replicas start anew."""
    _, message = restart.why
    again = {view.replica.pod: view.pod.uid if view.pod else "" for view in failed}
    kept, attempt = still_restarting(job, replicas), job.status.attempt or 0
    found = found_in(job, replicas, failed)
    return write(
        job,
        now,
        [],
        phase=Phase.RUNNING if job.status.attempt_start_time else job.status.phase or Phase.PENDING,
        reason=REPLICA_RESTARTING,
        message=f"{closed(message)} It starts anew at {format_time(restart.due)}.",
        **found,
    ).model_copy(
        update={
            **restart.counts,
            "restart_time": format_time(restart.due),
            "restarting": {**kept, **again},
            "failures": mark_restarted(found["failures"] or [], again, attempt),
        }
    )


def suspended(job: TrainingJob, pods: Sequence[ObservedPod], now: datetime) -> TrainingJobStatus:
    """Return the status of a job that is to have no pods."""
    claims = [
        Claim(ConditionType.RECONCILING, False, "Suspended"),
        Claim(ConditionType.STALLED, False, "Suspended"),
        Claim(ConditionType.RUNNING, False, "Suspended"),
        Claim(ConditionType.SUSPENDED, True, "Suspended", "The job has no pods until spec.suspend is false."),
    ]
    message = "The job has no pods until spec.suspend is false."
    if pods:
        message = f"The job is suspended; {still_ending([pod.name for pod in pods])}."
    live = {role: empty_counts(found.desired) for role, found in (job.status.replicas or {}).items()}
    counted = recount(live, pods)
    return write(
        job,
        now,
        claims,
        phase=Phase.SUSPENDED,
        reason="Suspended",
        message=message,
        attempt_start_time=None,
        restarting=None,
        replicas=counted or None,
        ready=ready_text(counted.values()) if counted else None,
    )


def resumed(job: TrainingJob, suspended_seconds: int, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that may have pods again; every replica starts from the beginning."""
    claims = [
        Claim(ConditionType.SUSPENDED, False, "Resumed"),
        Claim(ConditionType.RECONCILING, True, "Resumed"),
    ]
    failures = job.status.failures or []
    return write(
        job,
        now,
        claims,
        phase=Phase.PENDING,
        reason="Resumed",
        message="The job was resumed.",
        suspended_seconds=suspended_seconds,
        restart_time=None,
        gang_retry_time=None,
        failures=mark_restarted(failures, {failure.pod for failure in failures}, job.status.attempt or 0) or None,
    )
