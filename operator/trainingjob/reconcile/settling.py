"""How long the launcher of an MPI job that has lost a worker may take to end by itself, with its log and exit code."""

from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import ConditionType
from trainingjob.api.times import parse_time
from trainingjob.reconcile.replicas import ReplicaSet, State

SETTLE = timedelta(seconds=30)
"""`mpirun` ends within a second or two of a lost connection; one that hangs instead is not waited for."""


def settles_until(job: TrainingJob, replicas: ReplicaSet, now: datetime) -> datetime | None:
    """Return until when the failure of another replica waits for the launcher's own end; None when it need not.

    The time counts from the stored moment at which the job was last seen whole, so that no operator's absence
    shortens or doubles it.
    """
    if all(view.state is not State.RUNNING for view in replicas.of(Role.LAUNCHER)):
        return None
    until = _trouble_seen(job, now) + SETTLE
    # A moment that is further away was stored by a clock that was put back since.
    return until if now < until <= now + SETTLE else None


def _trouble_seen(job: TrainingJob, now: datetime) -> datetime:
    for condition in job.status.conditions or []:
        if condition.type == ConditionType.RUNNING and condition.status == "False":
            return parse_time(condition.last_transition_time)
    return now
