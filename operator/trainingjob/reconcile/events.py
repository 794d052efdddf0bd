"""The lines that `kubectl describe` tells of a job: a few for each job, none for each pod."""

from collections import Counter
from collections.abc import Iterator, Sequence

from trainingjob.api.constants import TENSORBOARD_PORT
from trainingjob.api.job import TrainingJob
from trainingjob.api.status import ConditionType, Phase, TrainingJobStatus
from trainingjob.plan.names import tensorboard_name
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
    pods_need = [create for create in created if not create.apart]
    lines = [_created(pods_need)] if pods_need else []
    if _told(after) != _told(before.status) and (line := _change(after)):
        lines.append(line)
    return (*lines, *_of_tensorboard(before, after, created))


def _of_tensorboard(before: TrainingJob, after: TrainingJobStatus, created: Sequence[Create]) -> Iterator[Event]:
    """Yield how the TensorBoard is reached when it is created, and why it could not be."""
    if any(create.apart and create.kind == "Service" for create in created):
        name = tensorboard_name(before.name)
        yield Event(
            "Normal",
            "TensorBoard",
            f"kubectl -n {before.namespace} port-forward service/{name} {TENSORBOARD_PORT} shows the TensorBoard at "
            f"http://localhost:{TENSORBOARD_PORT}/.",
        )
    record, known = after.tensorboard, before.status.tensorboard
    if record and record.message and not (known and known.message):
        yield Event("Warning", "TensorBoardRefused", record.message)


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
