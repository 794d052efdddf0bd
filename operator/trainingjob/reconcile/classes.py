"""What kind of end a replica has met: who pays for it, and whether trying again can help."""

from trainingjob.api.status import FailureClass
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.replicas import ReplicaView

THE_CLUSTERS = frozenset({FailureClass.DISRUPTION, FailureClass.NODE_LOST})
"""The classes of failure that no program has caused."""

TAINTED = "DeletionByTaintManager"
"""Kubernetes' own word, in the pod's condition DisruptionTarget, for a node that does not answer."""

_LOST = frozenset({TAINTED, "DeletionByPodGC"})
"""Reasons of the condition DisruptionTarget that speak of the pod's node (kubernetes, pkg/apis/core/types.go)."""

_NODE_LOST = frozenset({"NodeLost", "ContainerStatusUnknown", "Unknown"})
"""A pod's reason from the node controller; a container's, where kubelet or containerd has come back without it."""

_REFUSED_BY_NODE = (
    "OutOf",
    "UnexpectedAdmissionError",
    "NodeAffinity",
    "NodePorts",
    "TaintToleration",
    "TopologyAffinityError",
    "VolumeAttachmentLimitExceeded",
    "InvalidNodeInfo",
    "Evicted",
    "NodeShutdown",
)
"""How the reasons begin with which a kubelet turns away a pod that another node, or the same one later, may take."""

_PRESSURE = "The node was low on resource"
"""How the message of an eviction begins that the pod has not brought upon itself; not every one has the condition."""

_NODE_STOPS = frozenset({"NodeShutdown", "Shutdown", "Terminated", "Preempting", "Preempted"})
"""A pod's reason when its node shuts down in order, or makes room for a critical pod."""


def classify(view: ReplicaView) -> FailureClass:
    """Return the class of a replica that failed, whose pod is gone, or is taken away.

    A memory kill is the program's own; whatever Kubernetes marks as a disruption never is, even where the program
    has ended with a code of its own on the way out.
    """
    pod = view.pod
    if pod is None:
        return FailureClass.DISRUPTION
    if pod.disruption in _LOST or {pod.reason, pod.main.reason} & _NODE_LOST:
        return FailureClass.NODE_LOST
    if pod.disruption or pod.reason in _NODE_STOPS or view.taken_away or _put_off(pod):
        return FailureClass.DISRUPTION
    if pod.main.reason == "OOMKilled":
        return FailureClass.OUT_OF_MEMORY
    if pod.main.ended is None or pod.main.reason in ("StartError", "ContainerCannotRun"):
        return FailureClass.INFRA
    return FailureClass.APP_FAILURE


def _put_off(pod: ObservedPod) -> bool:
    """Say whether a kubelet did not take the pod in, or put it out, for want of something on its node."""
    if pod.main.started is None:
        return pod.reason.startswith(_REFUSED_BY_NODE)
    return pod.reason == "Evicted" and pod.message.startswith(_PRESSURE)
