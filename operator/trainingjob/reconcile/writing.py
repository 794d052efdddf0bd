"""What every status says besides its situation: counts, failures, conditions, counters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import ConditionType, Failure, SourceStatus, TrainingJobStatus
from trainingjob.api.times import format_time
from trainingjob.reconcile.conditions import MESSAGE_MAX, Claim, update_conditions
from trainingjob.reconcile.counts import count_replicas, ready_text
from trainingjob.reconcile.failures import evidence, merge_failures
from trainingjob.reconcile.preparing import fetched_source
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State


def write(
    job: TrainingJob, now: datetime, claims: Sequence[Claim], *, message: str, **fields: Any
) -> TrainingJobStatus:
    """Return the stored status with what a situation says of it; `fields` are those of the status."""
    conditions = update_conditions(job.status.conditions, claims, job.generation, now)
    return job.status.model_copy(
        update={
            "observed_generation": max(job.generation, job.status.observed_generation),
            "conditions": conditions,
            "message": message[:MESSAGE_MAX],
            "attempt": job.status.attempt or 0,
            "restarts": job.status.restarts or 0,
            "disruptions": job.status.disruptions or 0,
            **fields,
        }
    )


def found_in(job: TrainingJob, replicas: ReplicaSet, lost: Sequence[ReplicaView] = ()) -> dict[str, Any]:
    """Return what is seen of the replicas; `lost` are failures besides those that a pod still shows."""
    counts = count_replicas(replicas)
    ended = [view for view in replicas if view.state is State.FAILED and view.pod is not None]
    failures: list[Failure] = merge_failures(
        job.status.failures or [], [evidence(job, view) for view in (*ended, *lost)]
    )
    return {
        "replicas": counts,
        "ready": ready_text(counts.values()),
        "failures": failures or None,
        "restarting": still_restarting(job, replicas) or None,
        "source": _source(job, replicas),
    }


def _source(job: TrainingJob, replicas: ReplicaSet) -> SourceStatus | None:
    """Return which code the job runs, as soon as a pod is prepared or cannot be: not with a write of its own."""
    pods = [view.pod for view in replicas if view.pod and view.pod.fetched]
    prepared = [pod for pod in pods if pod.main.started or pod.main.ended or pod.init_name]
    return fetched_source(job.spec, prepared) or job.status.source


def still_restarting(job: TrainingJob, replicas: ReplicaSet) -> dict[str, str]:
    """Return the replicas that are counted and whose new pods are not there yet."""
    counted = job.status.restarting or {}
    due = {view.replica.pod: view.before for view in replicas if view.due}
    # Replicas that are new to a running job are counted by nobody; before its start all are created in any case.
    new = due if job.status.attempt_start_time else {}
    return {**new, **{pod: uid for pod, uid in counted.items() if pod in due}}


def last_start(replicas: ReplicaSet, now: datetime) -> str | None:
    """Return when the last program began, as it is written; None when none has.

    It is the clock of a node that says so: it is believed where it names a time since the pod was created.
    """
    pods = [view.pod for view in replicas.without(Role.EVALUATOR) if view.pod]
    times = [(pod.created, max(pod.created, pod.main.started)) for pod in pods if pod.main.started]
    if not times:
        return None
    created, started = (max(moments) for moments in zip(*times, strict=True))
    return format_time(max(min(started, now), created))


def full_start(replicas: ReplicaSet, now: datetime) -> str | None:
    """Return the same where the program of every replica has begun; None where one has not."""
    missing = any(view.state in (State.MISSING, State.WAITING) for view in replicas.without(Role.EVALUATOR))
    return None if missing else last_start(replicas, now)


def has_run(job: TrainingJob) -> bool:
    """Say whether every replica has ever run."""
    return any(condition.type == ConditionType.RUNNING for condition in job.status.conditions or [])


def still_ending(names: Sequence[str], which: str = "") -> str:
    """Return the words that some pods have not ended yet, the first of them by name."""
    if len(names) == 1:
        return f"pod {names[0]}{which} is still ending"
    return f"{len(names)} pods{which} are still ending, {min(names)} among them"


def closed(sentence: str) -> str:
    """Return a sentence with its full stop, which a program's last words may lack."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
