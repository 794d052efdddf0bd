"""Failed replicas: what is recorded of them, and which one is the cause."""

from collections.abc import Iterable
from datetime import datetime

from trainingjob.api.status import MAX_FAILURES, Failure
from trainingjob.api.times import format_time
from trainingjob.reconcile.hints import hint_for
from trainingjob.reconcile.replicas import ReplicaView

POD_DELETED = "PodDeleted"
_LAST_WORDS = 900
"""Characters kept of a container's last words: the end of a traceback says what happened."""


def describe_failure(view: ReplicaView, attempt: int) -> Failure:
    """Return the evidence of a replica that failed, or whose pod is gone."""
    pod, replica = view.pod, view.replica
    common = {"pod": replica.pod, "role": str(replica.role), "index": replica.index, "attempt": attempt}
    if pod is None:
        return Failure.model_validate(
            {**common, "reason": POD_DELETED, "message": "The pod was deleted before its program had ended."}
        )
    words = (pod.main.message or pod.message).strip()
    return Failure.model_validate(
        {
            **common,
            "exit_code": pod.main.exit_code,
            "reason": pod.reason or pod.main.reason or "Error",
            "message": shorten(words) or None,
            "time": format_time(pod.main.ended) if pod.main.ended else None,
        }
    )


def merge_failures(stored: Iterable[Failure], new: Iterable[Failure]) -> list[Failure]:
    """Add failures to the stored ones, each pod of an attempt once, the earliest first, at most the last ten."""
    known = {(failure.pod, failure.attempt): failure for failure in stored}
    for failure in sorted(new, key=_time_key):
        known.setdefault((failure.pod, failure.attempt), failure)
    return list(known.values())[-MAX_FAILURES:]


def cause_of(failed: Iterable[ReplicaView]) -> ReplicaView:
    """Return the replica whose program ended first; a pod that is gone tells no time and comes last."""
    return min(failed, key=lambda view: (view.ended is None, view.ended or datetime.max, view.replica))


def explain(failure: Failure) -> tuple[str, str]:
    """Return the job's reason and message for the failure that caused its end."""
    if failure.reason == POD_DELETED:
        return POD_DELETED, f"Pod {failure.pod} was deleted before its program had ended."
    reason = "ProgramFailed" if failure.reason == "Error" else failure.reason
    code = f" with exit code {failure.exit_code}" if failure.exit_code is not None else ""
    kind = f" ({failure.reason})" if failure.reason != "Error" else ""
    words = f": {_last_line(failure.message)}" if failure.message else "."
    return reason, f"Pod {failure.pod} failed{code}{kind}{words}{hint_for(failure.message or '')}"


def shorten(words: str) -> str:
    """Keep the end of a long text."""
    return words if len(words) <= _LAST_WORDS else f"…{words[-_LAST_WORDS:]}"


def _last_line(words: str) -> str:
    return words.strip().splitlines()[-1][:500]


def _time_key(failure: Failure) -> tuple[bool, str]:
    return failure.time is None, failure.time or ""
