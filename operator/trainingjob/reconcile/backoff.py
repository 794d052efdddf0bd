"""How long a restart waits: longer each time, from the beginning again after a run that went well."""

from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import TrainingJobStatus
from trainingjob.api.times import parse_time
from trainingjob.reconcile.clocks import may_begin_at

FIRST = timedelta(seconds=10)
LONGEST = timedelta(minutes=6)
HEALTHY = timedelta(minutes=10)
"""An attempt that ran for so long has proven that the program works."""


def next_attempt_at(status: TrainingJobStatus, nth: int, now: datetime) -> datetime:
    """Return when the next attempt may begin; the `nth` restart of its kind, from 1.

    The moment is stored with the restart, so that nobody's absence shortens or doubles the wait.
    """
    if status.attempt_start_time and now - parse_time(status.attempt_start_time) >= HEALTHY:
        return now + FIRST
    return now + min(LONGEST, FIRST * (1 << min(nth - 1, 10)))


def waits_until(job: TrainingJob, now: datetime) -> datetime | None:
    """Return when pods may be created again after a restart; None when they need not wait."""
    due = may_begin_at(job) or now
    # No wait is stored that is longer: a clock was put back since.
    return due if now < due <= now + LONGEST else None
