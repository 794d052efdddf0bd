"""The status for each situation of a job: one function a phase, each complete."""

from collections.abc import Sequence
from datetime import datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import ConditionType, Phase, TrainingJobStatus
from trainingjob.api.times import format_time, parse_time
from trainingjob.reconcile.conditions import MESSAGE_MAX, Claim, update_conditions
from trainingjob.reconcile.deadlines import Deadline
from trainingjob.reconcile.pending import Blocker
from trainingjob.reconcile.preparing import PREPARING
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State
from trainingjob.reconcile.success import Success
from trainingjob.reconcile.writing import closed, found_in, has_run, last_start, write


def stalled(job: TrainingJob, reason: str, message: str, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that cannot be carried out as it is stored; its phase stays what it was."""
    claims = [
        Claim(ConditionType.RECONCILING, False, reason, message),
        Claim(ConditionType.STALLED, True, reason, message),
    ]
    return write(job, now, claims, phase=job.status.phase or Phase.PENDING, reason=reason, message=message)


def pending(job: TrainingJob, replicas: ReplicaSet, blocker: Blocker, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has not started yet, with what it waits for."""
    phase = Phase.PREPARING if blocker.reason in PREPARING else Phase.PENDING
    if job.status.attempt:
        phase = Phase.RESTARTING
    # What a pod is being prepared with may change often; the condition's word stays.
    word = str(phase) if phase is Phase.PREPARING else blocker.reason
    claims = [
        Claim(ConditionType.RECONCILING, True, word, blocker.message),
        Claim(ConditionType.STALLED, False, word),
    ]
    found = found_in(job, replicas)
    return write(job, now, claims, phase=phase, reason=blocker.reason, message=blocker.message, **found)


def running(job: TrainingJob, replicas: ReplicaSet, blocker: Blocker | None, now: datetime) -> TrainingJobStatus:
    """Return the status of a job whose replicas have all started; a blocker then concerns its evaluator alone."""
    claims = [
        Claim(ConditionType.RECONCILING, False, "Started"),
        Claim(ConditionType.STALLED, False, "Started"),
        Claim(ConditionType.RUNNING, True, "Started", "Every replica has started."),
    ]
    reason, message = (blocker.reason, blocker.message) if blocker else ("Training", "Every replica has started.")
    started = job.status.attempt_start_time or last_start(replicas, now)
    found = found_in(job, replicas)
    if not job.status.attempt_start_time and (uncreated := _uncreated(replicas)):
        # Whose failure is counted keeps the uid of the pod that it is counted for, while that pod has the name.
        found["restarting"] = {**uncreated, **(found["restarting"] or {})}
    return write(
        job,
        now,
        claims,
        phase=Phase.RUNNING,
        reason=reason,
        message=message,
        start_time=job.status.start_time or started,
        attempt_start_time=started,
        **found,
    )


def _uncreated(replicas: ReplicaSet) -> dict[str, str]:
    """Return the evaluators that the start has not waited for: who never had a pod has not lost it later."""
    return {view.replica.pod: "" for view in replicas.of(Role.EVALUATOR) if view.state is State.MISSING}


def finalizing(job: TrainingJob, replicas: ReplicaSet, until: datetime, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has been trained and waits for its evaluator."""
    claims = [
        Claim(ConditionType.RECONCILING, False, "Started"),
        Claim(ConditionType.RUNNING, False, "TrainingEnded", "The training has ended with success."),
    ]
    message = f"The training has ended; the evaluator may run until {format_time(until)}."
    return write(
        job,
        now,
        # The condition's transition is the moment from which the grace counts, so it has to exist before it is false.
        [Claim(ConditionType.RUNNING, True, "Started"), *claims] if not has_run(job) else claims,
        phase=Phase.FINALIZING,
        reason="WaitingForEvaluator",
        message=message,
        start_time=job.status.start_time or last_start(replicas, now),
        attempt_start_time=job.status.attempt_start_time or last_start(replicas, now),
        **found_in(job, replicas),
    )


def settling(
    job: TrainingJob,
    replicas: ReplicaSet,
    lost: Sequence[ReplicaView],
    why: tuple[str, str],
    until: datetime,
    now: datetime,
) -> TrainingJobStatus:
    """Return the status of a job that is about to fail and lets its launcher end by itself; `why` as in `failed`."""
    reason, message = why
    claims = [
        Claim(ConditionType.RECONCILING, False, "Started"),
        # Its transition is the moment from which the time counts, so it has to exist before it is false.
        *([Claim(ConditionType.RUNNING, True, "Started")] if not has_run(job) else []),
        Claim(ConditionType.RUNNING, False, reason, message),
    ]
    return write(
        job,
        now,
        claims,
        phase=Phase.RUNNING,
        reason=reason,
        message=f"{closed(message)} The launcher may end by itself until {format_time(until)}.",
        start_time=job.status.start_time or last_start(replicas, now),
        attempt_start_time=job.status.attempt_start_time or last_start(replicas, now),
        **found_in(job, replicas, lost),
    )


def overdue(job: TrainingJob, found: TrainingJobStatus, deadline: Deadline, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has taken too long; `found` is what else is known of it now."""
    reason, message = deadline.reason, deadline.message
    claims = failure_claims(reason, message)
    start = found.start_time
    conditions = update_conditions(job.status.conditions, claims, job.generation, now)
    return found.model_copy(
        update={
            "phase": Phase.FAILED,
            "reason": reason,
            "message": message[:MESSAGE_MAX],
            "conditions": conditions,
            "completion_time": format_time(max(now, parse_time(start)) if start else now),
            # What was found at the same time may have asked for a restart that nobody makes any more.
            "attempt": job.status.attempt or 0,
            "restarts": job.status.restarts or 0,
            "disruptions": job.status.disruptions or 0,
            "restart_time": job.status.restart_time,
            "restarting": None,
        }
    )


def cancelled(job: TrainingJob, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that its user has ended."""
    message = "The job was cancelled."
    claims = [
        Claim(ConditionType.RECONCILING, False, "Cancelled", message),
        Claim(ConditionType.STALLED, False, "Cancelled"),
        Claim(ConditionType.RUNNING, False, "Cancelled", message),
        Claim(ConditionType.SUSPENDED, False, "Cancelled"),
        Claim(ConditionType.FINISHED, True, "Cancelled", message),
    ]
    start = job.status.start_time
    return write(
        job,
        now,
        claims,
        phase=Phase.CANCELLED,
        reason="Cancelled",
        message=message,
        completion_time=format_time(max(now, parse_time(start)) if start else now),
        restarting=None,
    )


def succeeded(job: TrainingJob, replicas: ReplicaSet, success: Success, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has succeeded."""
    return _end(job, replicas, Phase.SUCCEEDED, success_claims(success.reason, success.message), now)


def failed(
    job: TrainingJob, replicas: ReplicaSet, lost: Sequence[ReplicaView], why: tuple[str, str], now: datetime
) -> TrainingJobStatus:
    """Return the status of a job that has failed; `lost` are replicas whose pods are gone, `why` reason and message."""
    return _end(job, replicas, Phase.FAILED, failure_claims(*why), now, lost)


def success_claims(reason: str, message: str) -> list[Claim]:
    """Return what holds of a job that has succeeded."""
    return [
        Claim(ConditionType.RECONCILING, False, reason),
        Claim(ConditionType.STALLED, False, reason),
        Claim(ConditionType.RUNNING, False, reason),
        Claim(ConditionType.SUCCEEDED, True, reason, message),
        Claim(ConditionType.FINISHED, True, reason, message),
    ]


def failure_claims(reason: str, message: str) -> list[Claim]:
    """Return what holds of a job that has failed."""
    return [
        Claim(ConditionType.RECONCILING, False, reason, message),
        Claim(ConditionType.STALLED, True, reason, message),
        Claim(ConditionType.RUNNING, False, reason, message),
        Claim(ConditionType.FAILED, True, reason, message),
        Claim(ConditionType.FINISHED, True, reason, message),
    ]


def _end(
    job: TrainingJob,
    replicas: ReplicaSet,
    phase: Phase,
    claims: Sequence[Claim],
    now: datetime,
    lost: Sequence[ReplicaView] = (),
) -> TrainingJobStatus:
    start = job.status.start_time or last_start(replicas, now)
    verdict = claims[-1]
    return write(
        job,
        now,
        claims,
        phase=phase,
        reason=verdict.reason,
        message=verdict.message,
        start_time=start,
        # A node's clock may run ahead of ours; an end never stands before its start.
        completion_time=format_time(max(now, parse_time(start)) if start else now),
        **{**found_in(job, replicas, lost), "restarting": None},
    )
