"""What a kubelet writes of a pod whose program is called `main`; tests hold it against the recordings in tests/data."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainingjob.api.times import format_time
from trainingjob.contract.names import UPLOAD_ARTIFACTS

Status = dict[str, Any]
_OF_THE_KUBELET = ("PodScheduled", "Ready")
_INITIALIZING = {"waiting": {"reason": "PodInitializing"}}


def now() -> str:
    """Return the time as it stands in a status."""
    return format_time(datetime.now(UTC))


def phase_of(pod: dict[str, Any]) -> str:
    """Return the phase of a pod, also of one that no kubelet has seen."""
    return str((pod.get("status") or {}).get("phase") or "Pending")


def others_conditions(pod: dict[str, Any]) -> list[Status]:
    """Return the conditions of a pod that somebody else has written: a kubelet leaves them as they are."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return [dict(condition) for condition in conditions if condition["type"] not in _OF_THE_KUBELET]


def waiting(reason: str, message: str) -> Status:
    """Return the status of a pod whose program cannot begin."""
    return _pod("Pending", {"waiting": {"reason": reason, "message": message}})


def initializing(names: list[str], begun: str) -> Status:
    """Return the status of a pod whose first init container runs."""
    states = [{"running": {"startedAt": begun}}, *[_INITIALIZING for _ in names[1:]]]
    return _pod("Pending", _INITIALIZING) | _init(names, states)


def init_failed(names: list[str], code: int, message: str, begun: str, nth: int = 0) -> Status:
    """Return the status of a pod of which one init container has failed, the first unless `nth` says which."""
    before = [_end(0, "", "", begun) for _ in names[:nth]]
    states = [*before, _end(code, "", message, begun), *[_INITIALIZING for _ in names[nth + 1 :]]]
    return _pod("Failed", _INITIALIZING) | _init(names, states)


def running(names: list[str], begun: str, *, ready: bool) -> Status:
    """Return the status of a pod whose init containers have succeeded and whose program runs."""
    status = _pod("Running", {"running": {"startedAt": begun}}, ready=ready)
    return status | (_init(names, [_end(0, "", "", begun) for _ in names]) if names else {})


def ended(code: int, reason: str, message: str, begun: str) -> Status:
    """Return the status of a pod whose program has ended."""
    return _pod("Failed" if code else "Succeeded", _end(code, reason, message, begun))


def _end(code: int, reason: str, message: str, begun: str) -> Status:
    end = {
        "exitCode": code,
        "reason": reason or ("Error" if code else "Completed"),
        "message": message,
        "startedAt": begun,
        "finishedAt": now(),
    }
    return {"terminated": end}


def init_steps(names: list[str], begun: str, messages: Mapping[str, str]) -> Status:
    """Return the statuses of init containers of which the last runs and the others have ended with these words."""
    *done, last = names
    ends = [_end(0, "", messages.get(name, ""), begun) for name in done]
    return _init([*done, last], [*ends, {"running": {"startedAt": begun}}])


def prepared(status: Status, words: Mapping[str, str], sidecar: Status | None) -> Status:
    """Return a pod's status with its init containers' last words, and with the state of its native sidecar."""
    states = {name: _end(0, "", message, now()) for name, message in words.items()}
    states |= {UPLOAD_ARTIFACTS: sidecar} if sidecar else {}
    return status | (_init(list(states), list(states.values())) if states else {})


def reported(code: int, message: str, begun: str) -> Status:
    """Return the state of a container that has ended with these words."""
    return _end(code, "", message, begun)


def _init(names: list[str], states: list[Status]) -> Status:
    return {"initContainerStatuses": [_container(name, state) for name, state in zip(names, states, strict=True)]}


def _pod(phase: str, state: Status, *, ready: bool = False) -> Status:
    word = "True" if ready else "False"
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": word}]
    return {"phase": phase, "containerStatuses": [_container("main", state, ready=ready)], "conditions": conditions}


def _container(name: str, state: Status, *, ready: bool = False) -> Status:
    common = {"name": name, "image": "x", "imageID": "", "restartCount": 0}
    return {**common, "ready": ready, "started": ready, "state": state}
