"""The moments from which a job's times count, all of them stored: no operator's absence changes them."""

from datetime import datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import ConditionType, Phase
from trainingjob.api.times import parse_time


def changed_at(job: TrainingJob, kind: ConditionType, status: str) -> datetime | None:
    """Return since when a condition has had this status; None when it has another one."""
    for condition in job.status.conditions or []:
        if condition.type == kind and condition.status == status:
            return parse_time(condition.last_transition_time)
    return None


def suspended_seconds(job: TrainingJob, now: datetime) -> int:
    """Return for how long a job that has ever run was suspended, in total, until now."""
    total = job.status.suspended_seconds or 0
    since = changed_at(job, ConditionType.SUSPENDED, "True")
    if job.status.start_time is None or job.status.phase is not Phase.SUSPENDED or since is None:
        return total
    return total + max(0, int((now - since).total_seconds()))


def may_begin_at(job: TrainingJob) -> datetime | None:
    """Return when pods may be created again; None when nothing has to be waited for."""
    moments = [moment for moment in (job.status.restart_time, job.status.gang_retry_time) if moment]
    return max(map(parse_time, moments), default=None)


def waits_since(job: TrainingJob) -> datetime:
    """Return from when a job waits for its pods: its creation, its last resumption or its last restart."""
    restarted = parse_time(job.status.restart_time) if job.status.restart_time else None
    moments = [job.created, changed_at(job, ConditionType.SUSPENDED, "False"), restarted]
    return max(moment for moment in moments if moment is not None)
