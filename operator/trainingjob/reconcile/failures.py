"""Failed replicas: what is recorded of them, and which one is the cause."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import MAX_FAILURES, Failure, FailureClass
from trainingjob.api.times import format_time
from trainingjob.plan import Replica
from trainingjob.reconcile.classes import THE_CLUSTERS, classify
from trainingjob.reconcile.hints import hint_for
from trainingjob.reconcile.last_words import telling_line
from trainingjob.reconcile.preparing import REFUSALS, refusal
from trainingjob.reconcile.replicas import ReplicaView, State

POD_DELETED = "PodDeleted"
PREPARATION_FAILED = "PreparationFailed"
_NEVER = datetime.max.replace(tzinfo=UTC)
_LAST_WORDS = 900
"""Characters kept of a container's last words: the end of a traceback says what happened."""


def describe_failure(view: ReplicaView, attempt: int) -> Failure:
    """Return the evidence of a replica that failed, or whose pod is gone."""
    pod, replica = view.pod, view.replica
    common = {
        "pod": replica.pod,
        "role": str(replica.role),
        "index": replica.index,
        "attempt": attempt,
        "uid": pod.uid if pod else None,
        "failure_class": classify(view),
    }
    if pod is None or (view.taken_away and not pod.disruption):
        code = pod.main.exit_code if pod else None
        message = "The pod was deleted before its program had ended."
        return Failure.model_validate({**common, "exit_code": code, "reason": POD_DELETED, "message": message})
    if pod.init_name and pod.main.ended is None:
        return Failure.model_validate(
            {
                **common,
                "exit_code": pod.init_exit_code,
                "reason": refusal(pod) or PREPARATION_FAILED,
                "message": shorten(pod.init_message.strip()) or None,
            }
        )
    words = (pod.disruption_message or pod.main.message or pod.message).strip()
    return Failure.model_validate(
        {
            **common,
            "exit_code": pod.main.exit_code,
            "reason": pod.disruption or pod.reason or pod.main.reason or "Error",
            "message": shorten(words) or None,
            "time": format_time(pod.main.ended) if pod.main.ended else None,
        }
    )


def evidence(job: TrainingJob, view: ReplicaView) -> Failure:
    """Return what is known of a replica's failure; what was recorded before its pod went stays."""
    attempt = job.status.attempt or 0
    if view.pod is None:
        for failure in reversed(job.status.failures or []):
            if view.state is State.FAILED and still_stands(failure, view.replica.pod, attempt):
                return failure
    return describe_failure(view, attempt)


def still_stands(failure: Failure, pod: str, attempt: int) -> bool:
    """Say whether a recorded failure is that of a pod which nothing has replaced since."""
    return (failure.pod, failure.attempt) == (pod, attempt) and not failure.restarted


def mark_restarted(failures: Iterable[Failure], pods: Collection[str], attempt: int) -> list[Failure]:
    """Return the failures; those of the pods in this attempt speak of their successors no more."""
    return [
        failure.model_copy(update={"restarted": True})
        if failure.pod in pods and failure.attempt == attempt
        else failure
        for failure in failures
    ]


def merge_failures(stored: Iterable[Failure], new: Iterable[Failure]) -> list[Failure]:
    """Add failures to the stored ones, each pod once, the earliest first, at most the last ten."""
    known = {_identity(failure): failure for failure in stored}
    for failure in sorted(new, key=_time_key):
        known.setdefault(_identity(failure), failure)
    return list(known.values())[-MAX_FAILURES:]


def _identity(failure: Failure) -> tuple[str, int, str | None]:
    return failure.pod, failure.attempt, failure.uid


def cause_of(failed: Iterable[ReplicaView]) -> ReplicaView:
    """Return the replica that failed first: a pod that was taken away, else the first program to end.

    Programs fail for want of a pod that is gone, and no program takes a pod away. Times are whole seconds: of those
    that ended in the same one the launcher is named last, for it only tells of the others' ends.
    """
    return min(failed, key=_cause_key)


def explain(failure: Failure) -> tuple[str, str]:
    """Return the job's reason and message for the failure that caused its end."""
    if failure.reason == POD_DELETED:
        return POD_DELETED, f"Pod {failure.pod} was deleted before its program had ended."
    if failure.reason in REFUSALS:
        words = telling_line(failure.message or "") or "it does not say why."
        return failure.reason, f"Pod {failure.pod} {REFUSALS[failure.reason]}: {words}"
    if failure.reason == PREPARATION_FAILED:
        words = telling_line(failure.message or "")
        return PREPARATION_FAILED, f"Pod {failure.pod} could not be prepared{_code(failure)}: {words}"
    if failure.failure_class in THE_CLUSTERS:
        lost = "was lost with its node" if failure.failure_class is FailureClass.NODE_LOST else "was taken away"
        words = telling_line(failure.message or "")
        return failure.reason, f"Pod {failure.pod} {lost} ({failure.reason}){f': {words}' if words else '.'}"
    reason = "ProgramFailed" if failure.reason == "Error" else failure.reason
    kind = f" ({failure.reason})" if failure.reason != "Error" else ""
    words = f": {telling_line(failure.message)}" if failure.message else "."
    return reason, f"Pod {failure.pod} failed{_code(failure)}{kind}{words}{hint_for(failure.message or '')}"


def _code(failure: Failure) -> str:
    return f" with exit code {failure.exit_code}" if failure.exit_code is not None else ""


def shorten(words: str) -> str:
    """Keep the end of a long text."""
    return words if len(words) <= _LAST_WORDS else f"…{words[-_LAST_WORDS:]}"


def _cause_key(view: ReplicaView) -> tuple[bool, bool, datetime, bool, Replica]:
    # A node that puts a pod out may say so without telling when the program ended.
    put_out = view.ended is None and view.state is State.FAILED and classify(view) in THE_CLUSTERS
    gone = view.pod is None or view.taken_away or put_out
    return not gone, view.ended is None, view.ended or _NEVER, view.replica.role is Role.LAUNCHER, view.replica


def _time_key(failure: Failure) -> tuple[bool, str]:
    return failure.time is None, failure.time or ""
