"""The lines that `kubectl describe` tells of a job: a few for each job, none for each pod."""

from collections import Counter
from collections.abc import Sequence

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import ConditionType, Phase, TrainingJobStatus
from trainingjob.reconcile.decision import Create, Event
from trainingjob.reconcile.interruptions import REPLICA_RESTARTING
from trainingjob.reconcile.pending import ORDINARY

_ON_ITS_WAY = ORDINARY | {"Resumed"}
"""Reasons that need no line: nothing is wrong, or the line before has said it."""


def events(before: TrainingJob, after: TrainingJobStatus, created: Sequence[Create]) -> tuple[Event, ...]:
    """Return what a pass of the controller is worth telling: what it created, and how the status changed.

    Args:
        before: the job with the status that stood before.
        after: the status that was written.
        created: the children that were created in this pass.
    """
    lines = [_created(created)] if created else []
    if _told(after) != _told(before.status) and (line := _change(after)):
        lines.append(line)
    return tuple(lines)


def _told(status: TrainingJobStatus) -> tuple[object, ...]:
    # One line says that a job is being prepared, none what with.
    reason = None if status.phase is Phase.PREPARING else status.reason
    return status.phase, reason, status.attempt or 0


def _created(created: Sequence[Create]) -> Event:
    kinds = Counter(child.kind for child in created)
    words = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items(), reverse=True)]
    return Event("Normal", "Created", f"Created {', '.join(words)}.")


def _change(after: TrainingJobStatus) -> Event | None:
    reason, message = after.reason or "", after.message or ""
    if after.phase is Phase.FAILED or _stalled(after):
        return Event("Warning", reason, message)
    if after.phase in (Phase.PENDING, Phase.RESTARTING):
        return None if reason in _ON_ITS_WAY else Event("Warning", reason, message)
    if reason == REPLICA_RESTARTING:
        return Event("Warning", reason, message)
    return Event("Normal", "Succeeded" if after.phase is Phase.SUCCEEDED else reason, message)


def _stalled(status: TrainingJobStatus) -> bool:
    return any(c.type == ConditionType.STALLED and c.status == "True" for c in status.conditions or [])
