"""The status for each situation of a job: one function a phase, each complete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import ConditionType, Failure, Phase, TrainingJobStatus
from trainingjob.api.times import format_time, parse_time
from trainingjob.reconcile.conditions import MESSAGE_MAX, Claim, update_conditions
from trainingjob.reconcile.counts import count_replicas, ready_text
from trainingjob.reconcile.failures import describe_failure, merge_failures
from trainingjob.reconcile.pending import Blocker
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State
from trainingjob.reconcile.success import Success


def stalled(job: TrainingJob, reason: str, message: str, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that cannot be carried out as it is stored; its phase stays what it was."""
    claims = [
        Claim(ConditionType.RECONCILING, False, reason, message),
        Claim(ConditionType.STALLED, True, reason, message),
    ]
    return _write(job, now, claims, phase=job.status.phase or Phase.PENDING, reason=reason, message=message)


def pending(job: TrainingJob, replicas: ReplicaSet, blocker: Blocker, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has not started yet, with what it waits for."""
    claims = [
        Claim(ConditionType.RECONCILING, True, blocker.reason, blocker.message),
        Claim(ConditionType.STALLED, False, blocker.reason),
    ]
    found = _found(job, replicas)
    return _write(job, now, claims, phase=Phase.PENDING, reason=blocker.reason, message=blocker.message, **found)


def running(job: TrainingJob, replicas: ReplicaSet, blocker: Blocker | None, now: datetime) -> TrainingJobStatus:
    """Return the status of a job whose replicas have all started; a blocker then concerns its evaluator alone."""
    claims = [
        Claim(ConditionType.RECONCILING, False, "Started"),
        Claim(ConditionType.STALLED, False, "Started"),
        Claim(ConditionType.RUNNING, True, "Started", "Every replica has started."),
    ]
    reason, message = (blocker.reason, blocker.message) if blocker else ("Training", "Every replica has started.")
    start = job.status.start_time or _started(replicas, now)
    found = _found(job, replicas)
    return _write(job, now, claims, phase=Phase.RUNNING, reason=reason, message=message, start_time=start, **found)


def finalizing(job: TrainingJob, replicas: ReplicaSet, until: datetime, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has been trained and waits for its evaluator."""
    claims = [
        Claim(ConditionType.RECONCILING, False, "Started"),
        Claim(ConditionType.RUNNING, False, "TrainingEnded", "The training has ended with success."),
    ]
    message = f"The training has ended; the evaluator may run until {format_time(until)}."
    return _write(
        job,
        now,
        # The condition's transition is the moment from which the grace counts, so it has to exist before it is false.
        [Claim(ConditionType.RUNNING, True, "Started"), *claims] if not _has_run(job) else claims,
        phase=Phase.FINALIZING,
        reason="WaitingForEvaluator",
        message=message,
        start_time=job.status.start_time or _started(replicas, now),
        **_found(job, replicas),
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
        *([Claim(ConditionType.RUNNING, True, "Started")] if not _has_run(job) else []),
        Claim(ConditionType.RUNNING, False, reason, message),
    ]
    return _write(
        job,
        now,
        claims,
        phase=Phase.RUNNING,
        reason=reason,
        message=f"{message} The launcher may end by itself until {format_time(until)}.",
        start_time=job.status.start_time or _started(replicas, now),
        **_found(job, replicas, lost),
    )


def succeeded(job: TrainingJob, replicas: ReplicaSet, success: Success, now: datetime) -> TrainingJobStatus:
    """Return the status of a job that has succeeded."""
    claims = [
        Claim(ConditionType.RECONCILING, False, success.reason),
        Claim(ConditionType.STALLED, False, success.reason),
        Claim(ConditionType.RUNNING, False, success.reason),
        Claim(ConditionType.SUCCEEDED, True, success.reason, success.message),
        Claim(ConditionType.FINISHED, True, success.reason, success.message),
    ]
    return _end(job, replicas, Phase.SUCCEEDED, claims, now)


def failed(
    job: TrainingJob, replicas: ReplicaSet, lost: Sequence[ReplicaView], why: tuple[str, str], now: datetime
) -> TrainingJobStatus:
    """Return the status of a job that has failed; `lost` are replicas whose pods are gone, `why` reason and message."""
    reason, message = why
    claims = [
        Claim(ConditionType.RECONCILING, False, reason, message),
        Claim(ConditionType.STALLED, True, reason, message),
        Claim(ConditionType.RUNNING, False, reason, message),
        Claim(ConditionType.FAILED, True, reason, message),
        Claim(ConditionType.FINISHED, True, reason, message),
    ]
    return _end(job, replicas, Phase.FAILED, claims, now, lost)


def _end(
    job: TrainingJob,
    replicas: ReplicaSet,
    phase: Phase,
    claims: Sequence[Claim],
    now: datetime,
    lost: Sequence[ReplicaView] = (),
) -> TrainingJobStatus:
    start = job.status.start_time or _started(replicas, now)
    verdict = claims[-1]
    return _write(
        job,
        now,
        claims,
        phase=phase,
        reason=verdict.reason,
        message=verdict.message,
        start_time=start,
        # A node's clock may run ahead of ours; an end never stands before its start.
        completion_time=format_time(max(now, parse_time(start)) if start else now),
        **_found(job, replicas, lost),
    )


def _write(
    job: TrainingJob, now: datetime, claims: Sequence[Claim], *, message: str, **fields: Any
) -> TrainingJobStatus:
    conditions = update_conditions(job.status.conditions, claims, job.generation, now)
    return job.status.model_copy(
        update={
            "observed_generation": max(job.generation, job.status.observed_generation),
            "conditions": conditions,
            "message": message[:MESSAGE_MAX],
            "attempt": job.status.attempt or 0,
            "restarts": job.status.restarts or 0,
            **fields,
        }
    )


def _found(job: TrainingJob, replicas: ReplicaSet, lost: Sequence[ReplicaView] = ()) -> dict[str, Any]:
    counts = count_replicas(replicas)
    attempt = job.status.attempt or 0
    ended = [
        view
        for view in replicas
        if view.state is State.FAILED and view.pod is not None and not (view.replaceable and view.taken_away)
    ]
    failures: list[Failure] = merge_failures(
        job.status.failures or [], [describe_failure(view, attempt) for view in (*ended, *lost)]
    )
    return {"replicas": counts, "ready": ready_text(counts.values()), "failures": failures or None}


def _started(replicas: ReplicaSet, now: datetime) -> str | None:
    times = [view.pod.main.started for view in replicas.without(Role.EVALUATOR) if view.pod and view.pod.main.started]
    return format_time(max(times, default=now)) if times else None


def _has_run(job: TrainingJob) -> bool:
    return any(condition.type == ConditionType.RUNNING for condition in job.status.conditions or [])
