"""What a kubelet would report of pods, on an API server that has no nodes."""

import json

from tests.support.user import Object, User

_TIME = "2026-01-31T12:00:00Z"


def start_pod(user: User, name: str) -> None:
    """Report that the program of a pod runs."""
    _report(user, name, "Running", {"running": {"startedAt": _TIME}}, ready=True)


def hold_pod(user: User, name: str, reason: str, message: str) -> None:
    """Report that the program of a pod cannot begin yet, and why."""
    _report(user, name, "Pending", {"waiting": {"reason": reason, "message": message}}, ready=False)


def end_pod(user: User, name: str, exit_code: int) -> None:
    """Report that the program of a pod has ended."""
    reason, phase = ("Error", "Failed") if exit_code else ("Completed", "Succeeded")
    ended = {"exitCode": exit_code, "reason": reason, "startedAt": _TIME, "finishedAt": _TIME}
    _report(user, name, phase, {"terminated": ended}, ready=False)


def _report(user: User, name: str, phase: str, state: Object, *, ready: bool) -> None:
    container = {
        "name": "main",
        "image": "example",
        "imageID": "example",
        "restartCount": 0,
        "ready": ready,
        "started": ready,
        "state": state,
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": _TIME}
    status = {"status": {"phase": phase, "containerStatuses": [container], "conditions": [condition]}}
    user.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", f"--patch={json.dumps(status)}")
