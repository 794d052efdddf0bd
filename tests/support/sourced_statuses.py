"""Statuses that no cluster on one machine can be brought to write: as the files of Kubernetes itself show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainingjob.api.status import FailureClass

Body = dict[str, Any]
VERSION = "1.35.4"
STARTED, FINISHED = "2026-01-01T00:00:02Z", "2026-01-01T00:05:00Z"
_PRESSURE = "The node was low on resource: memory. Threshold quantity: 2Gi, available: 1500Mi. "
_SHUTDOWN = "Pod was terminated in response to imminent node shutdown."
_MISSING = "The container could not be located when the pod was terminated"


@dataclass(frozen=True)
class Sourced:
    """A pod's status with the file of Kubernetes `VERSION` that shows it, and whose fault it is.

    Attributes:
        expected: None for a status that is no failure.
    """

    name: str
    source: str
    expected: FailureClass | None
    status: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def _ended(code: int, reason: str = "Error", message: str = "", **times: str) -> list[Body]:
    moments = times or {"startedAt": STARTED, "finishedAt": FINISHED}
    return [
        {"name": "main", "state": {"terminated": {"exitCode": code, "reason": reason, "message": message, **moments}}}
    ]


def _target(reason: str, message: str) -> Body:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}


def _by_kubelet(message: str) -> list[Body]:
    return [_target("TerminationByKubelet", message)]


def _failed(reason: str, message: str, **more: Any) -> Body:
    return {"phase": "Failed", "reason": reason, "message": message, **more}


_EVICTION = "pkg/kubelet/eviction/eviction_manager_test.go"
_NODE_SHUTDOWN = "pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux_test.go"

SOURCED = (
    Sourced(
        "memory pressure",
        _EVICTION,
        FailureClass.DISRUPTION,
        _failed("Evicted", _PRESSURE, conditions=_by_kubelet(_PRESSURE), containerStatuses=_ended(137)),
    ),
    Sourced(
        "disk pressure",
        _EVICTION,
        FailureClass.DISRUPTION,
        _failed(
            "Evicted",
            _PRESSURE.replace("memory", "ephemeral-storage"),
            conditions=_by_kubelet(_PRESSURE.replace("memory", "ephemeral-storage")),
            containerStatuses=_ended(143),
        ),
    ),
    Sourced(
        "too many processes on the node, which no condition marks",
        _EVICTION,
        FailureClass.DISRUPTION,
        _failed(
            "Evicted",
            "The node was low on resource: pids. Threshold quantity: 1200, available: 500. ",
            containerStatuses=_ended(137),
        ),
    ),
    Sourced(
        "more disk than the pod's own limit",
        "pkg/kubelet/eviction/eviction_manager.go",
        FailureClass.APP_FAILURE,
        _failed(
            "Evicted",
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
            containerStatuses=_ended(137),
        ),
    ),
    Sourced(
        "turned away under pressure",
        "pkg/kubelet/eviction/eviction_manager.go",
        FailureClass.DISRUPTION,
        _failed("Evicted", "Pod was rejected: The node had condition: [DiskPressure]. "),
    ),
    Sourced(
        "node shutdown",
        _NODE_SHUTDOWN,
        FailureClass.DISRUPTION,
        _failed("Terminated", _SHUTDOWN, conditions=_by_kubelet(_SHUTDOWN), containerStatuses=_ended(143)),
    ),
    Sourced(
        "node shutdown after the program had succeeded",
        _NODE_SHUTDOWN,
        None,
        {
            "phase": "Succeeded",
            "reason": "Terminated",
            "message": _SHUTDOWN,
            "conditions": _by_kubelet(_SHUTDOWN),
            "containerStatuses": _ended(0, "Completed"),
        },
    ),
    Sourced(
        "turned away by a node that shuts down",
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
        FailureClass.DISRUPTION,
        _failed("NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down."),
    ),
    Sourced(
        "container that the kubelet does not find again",
        "pkg/kubelet/kubelet_test.go",
        FailureClass.NODE_LOST,
        {"phase": "Failed", "containerStatuses": _ended(137, "ContainerStatusUnknown", _MISSING, startedAt="")},
    ),
    Sourced(
        "turned away for devices that are not healthy",
        "test/e2e_node/device_manager_test.go",
        FailureClass.DISRUPTION,
        _failed(
            "UnexpectedAdmissionError",
            "Pod was rejected: Allocate failed due to no healthy devices present, which is unexpected",
        ),
    ),
    Sourced(
        "turned away for a taint",
        "pkg/kubelet/lifecycle/predicate_test.go",
        FailureClass.DISRUPTION,
        _failed(
            "TaintToleration",
            "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
        ),
    ),
    Sourced(
        "turned away because the node has too many volumes",
        "pkg/kubelet/kubelet_test.go",
        FailureClass.DISRUPTION,
        _failed("VolumeAttachmentLimitExceeded", "Volume attachment limit exceeded"),
    ),
    Sourced(
        "turned away for another operating system",
        "pkg/kubelet/lifecycle/predicate_test.go",
        FailureClass.INFRA,
        _failed("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"),
    ),
    Sourced(
        "taken away from a device with a taint",
        "pkg/controller/devicetainteviction/device_taint_eviction_test.go",
        FailureClass.DISRUPTION,
        {
            "phase": "Running",
            "conditions": [
                _target("DeletionByDeviceTaintManager", "Device Taint manager: deleting due to NoExecute taint")
            ],
            "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": STARTED}}}],
        },
        {"deletionTimestamp": FINISHED},
    ),
    Sourced(
        "container that other runtimes could not start",
        "pkg/kubelet/kuberuntime/kuberuntime_container.go",
        FailureClass.INFRA,
        {"phase": "Failed", "containerStatuses": _ended(127, "ContainerCannotRun", "exec: no such file")},
    ),
    Sourced(
        "given up by a node controller of old",
        "pkg/util/node/node.go",
        FailureClass.NODE_LOST,
        {
            "phase": "Running",
            "reason": "NodeLost",
            "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": STARTED}}}],
        },
        {"deletionTimestamp": FINISHED},
    ),
)
