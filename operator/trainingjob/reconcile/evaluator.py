"""How long the end of a job waits for its evaluator."""

from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import ConditionType, Phase
from trainingjob.api.times import parse_time
from trainingjob.reconcile.replicas import ReplicaSet, State


def evaluator_deadline(job: TrainingJob, grace_seconds: int, replicas: ReplicaSet, now: datetime) -> datetime | None:
    """Return until when the end waits for a running evaluator; None when there is nothing to wait for.

    The time counts from the stored moment at which the training was seen to have ended, so that an operator that was
    away neither shortens nor doubles it.
    """
    if all(view.state is not State.RUNNING for view in replicas.of(Role.EVALUATOR)):
        return None
    deadline = _training_ended(job, now) + timedelta(seconds=grace_seconds)
    return deadline if now < deadline else None


def _training_ended(job: TrainingJob, now: datetime) -> datetime:
    if job.status.phase is Phase.FINALIZING:
        for condition in job.status.conditions or []:
            if condition.type == ConditionType.RUNNING and condition.status == "False":
                return parse_time(condition.last_transition_time)
    return now
