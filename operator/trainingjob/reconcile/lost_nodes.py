"""Pods that stay behind on a node that does not answer: they hold their names for ever."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trainingjob.api.spec import OnNodeLost, TrainingJobSpec
from trainingjob.reconcile.classes import TAINTED
from trainingjob.reconcile.decision import DeletePod
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.writing import still_ending

PATIENCE = timedelta(seconds=30)
"""How long after its program's grace period such a pod may still be removed by its own kubelet."""


def remove_by_force(
    spec: TrainingJobSpec, pods: tuple[ObservedPod, ...], now: datetime
) -> tuple[tuple[DeletePod, ...], datetime | None]:
    """Return the deletes without grace that are due, and when the next one is."""
    if spec.on_node_lost is OnNodeLost.WAIT:
        return (), None
    stuck = [(pod, _stopped_by(spec, pod.gone_by, pod) + PATIENCE) for pod in pods if pod.gone_by and _tainted(pod)]
    due = tuple(DeletePod(pod.name, pod.uid, 0) for pod, at in stuck if now >= at)
    return due, min((at for _, at in stuck if now < at), default=None)


def _stopped_by(spec: TrainingJobSpec, gone_by: datetime, pod: ObservedPod) -> datetime:
    """Return when the program's grace is over: what a pod gets on top for its uploads helps none that hears nothing."""
    return min(gone_by, (pod.deleted_at or gone_by) + timedelta(seconds=spec.stop_grace_seconds))


def _tainted(pod: ObservedPod) -> bool:
    return pod.disruption == TAINTED


def explain_ending(spec: TrainingJobSpec, old: Iterable[ObservedPod]) -> str:
    """Say which pods of the attempt before keep their names from the next one, and what has to happen."""
    pods = sorted(old, key=lambda pod: pod.name)
    silent = [pod for pod in pods if pod.gone_by and _tainted(pod)]
    if silent and spec.on_node_lost is OnNodeLost.WAIT:
        who = f"Pod {silent[0].name} is on a node that does not answer"
        return f"{who}, and spec.onNodeLost is Wait: the node has to come back, or the pod has to be removed by hand."
    told = still_ending([pod.name for pod in pods], " of the attempt before")
    return f"{told[0].upper()}{told[1:]}."
