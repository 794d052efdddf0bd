"""Pods as the API server stores them, with the statuses that kubelets write."""

from collections.abc import Mapping
from typing import Any

from trainingjob.controller.observe import read_pod
from trainingjob.reconcile import ObservedPod


def pod(status: Mapping[str, Any] | None = None, spec: Mapping[str, Any] | None = None, **metadata: Any) -> ObservedPod:
    """Read a pod of the job `mnist` with this status and spec, and what else its metadata holds."""
    labels = {
        "trainingjob.dev/job": "mnist",
        "trainingjob.dev/role": "worker",
        "trainingjob.dev/index": "3",
        "trainingjob.dev/attempt": "2",
    }
    body = {
        "metadata": {
            "name": "mnist-worker-3",
            "namespace": "team",
            "uid": "pod-uid",
            "resourceVersion": "12",
            "creationTimestamp": "2026-01-31T12:00:00Z",
            "labels": labels,
            "ownerReferences": [
                {"kind": "Other", "name": "x", "uid": "not-me"},
                {"kind": "TrainingJob", "name": "mnist", "uid": "job-uid", "controller": True},
            ],
            **metadata,
        }
    }
    if spec is not None:
        body["spec"] = dict(spec)
    if status is not None:
        body["status"] = dict(status)
    return read_pod(body)


def main(state: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the status of the container `main` in this state."""
    return {"name": "main", "state": dict(state), "ready": False, "restartCount": 0, **more}


def running(**more: Any) -> dict[str, Any]:
    """Return the status of a program that runs and is ready."""
    return main({"running": {"startedAt": "2026-01-31T12:00:10Z"}}, ready=True, **more)


def terminated(code: int, reason: str = "Error", message: str = "", **times: Any) -> dict[str, Any]:
    """Return the status of a program that has ended."""
    moments = {"startedAt": "2026-01-31T12:00:10Z", "finishedAt": "2026-01-31T12:05:00Z", **times}
    return main({"terminated": {"exitCode": code, "reason": reason, "message": message, **moments}})
