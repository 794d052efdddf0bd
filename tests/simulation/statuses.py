"""The statuses that a kubelet writes, each a value that is shared: equal ones are the same object."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from trainingjob.api.constants import MAIN_CONTAINER, PREPARE_CONTAINER
from trainingjob.api.times import format_time
from trainingjob.contract.names import UPLOAD_ARTIFACTS

BEGINNING: Final = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
SIGTERM_CODE: Final = 143
KILLED_CODE: Final = 137


@cache
def moment(second: int) -> datetime:
    """Return the time so many seconds after the beginning."""
    return BEGINNING + timedelta(seconds=second)


@cache
def text(second: int) -> str:
    """Return the same as Kubernetes writes it."""
    return format_time(moment(second))


@cache
def running(started: int, sidecar: bool = False, uploads: bool = False, prepared: int | None = None) -> dict[str, Any]:
    """Return the patch of a pod whose program has begun and is ready."""
    state = {"running": {"startedAt": text(started)}}
    patch = _status("Running", _main(state, ready=True), sidecar)
    if before := [*_preparation(prepared), *([_uploader(state)] if uploads else ())]:
        patch["status"]["initContainerStatuses"] = before
    return patch


@cache
def uploaded(code: int, report: str, prepared: int | None = None) -> dict[str, Any]:
    """Return the patch of a pod whose sidecar has ended with a report, after its program; empty words are none."""
    end = {"exitCode": 0 if report else KILLED_CODE, "reason": "Completed" if report else "Error", "message": report}
    before = [*_preparation(prepared), _uploader({"terminated": end})]
    return {"status": {"phase": "Failed" if code else "Succeeded", "initContainerStatuses": before}}


@cache
def ended(
    started: int, at: int, code: int, reason: str = "", goes_on: bool = False, sidecar: bool = False
) -> dict[str, Any]:
    """Return the patch of a pod whose program has ended; what goes on beside it keeps the pod's phase Running."""
    word = reason or ("Error" if code else "Completed")
    state = {"terminated": {"exitCode": code, "reason": word, "startedAt": text(started), "finishedAt": text(at)}}
    phase = "Running" if goes_on else ("Failed" if code else "Succeeded")
    return _status(phase, _main(state, ready=False), sidecar)


@cache
def waiting(reason: str) -> dict[str, Any]:
    """Return the patch of a pod whose container cannot be made."""
    return _status("Pending", _main({"waiting": {"reason": reason, "message": "no such image"}}, ready=False), False)


@cache
def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    """Return a condition of a pod."""
    return {"type": kind, "status": status, "reason": reason, "message": f"{reason} it is."}


@cache
def evicted(reason: str) -> dict[str, Any]:
    """Return the patch of a pod that its node throws out."""
    found = condition("DisruptionTarget", "True", "TerminationByKubelet")
    return {"status": {"phase": "Failed", "reason": reason, "message": "The node was low.", "conditions": [found]}}


def _preparation(ended: int | None) -> list[dict[str, Any]]:
    """Return the status of a launcher's preparation, which has found the workers; none of a pod that looks for none."""
    if ended is None:
        return []
    return [{"name": PREPARE_CONTAINER, "state": {"terminated": {"exitCode": 0, "finishedAt": text(ended)}}}]


def _uploader(state: dict[str, Any]) -> dict[str, Any]:
    return {"name": UPLOAD_ARTIFACTS, "state": state}


def _main(state: dict[str, Any], *, ready: bool) -> dict[str, Any]:
    return {"name": MAIN_CONTAINER, "ready": ready, "state": state}


def _status(phase: str, main: dict[str, Any], sidecar: bool) -> dict[str, Any]:
    others = [{"name": "proxy", "ready": True, "state": {"running": {"startedAt": text(0)}}}] if sidecar else []
    return {"status": {"phase": phase, "containerStatuses": [*others, main]}}
