"""Pods that stay behind on a node that does not answer: they hold their names for ever."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trainingjob.api.spec import OnNodeLost, TrainingJobSpec
from trainingjob.reconcile.classes import TAINTED
from trainingjob.reconcile.decision import DeletePod
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.writing import still_ending

PATIENCE = timedelta(seconds=30)
"""How long after its grace period such a pod may still be removed by its own kubelet."""


def remove_by_force(
    spec: TrainingJobSpec, pods: tuple[ObservedPod, ...], now: datetime
) -> tuple[tuple[DeletePod, ...], datetime | None]:
    """Return the deletes without grace that are due, and when the next one is."""
    if spec.on_node_lost is OnNodeLost.WAIT:
        return (), None
    stuck = [(pod, pod.gone_by + PATIENCE) for pod in pods if pod.gone_by and pod.disruption == TAINTED]
    due = tuple(DeletePod(pod.name, pod.uid, 0) for pod, at in stuck if now >= at)
    return due, min((at for _, at in stuck if now < at), default=None)


def explain_ending(spec: TrainingJobSpec, old: Iterable[ObservedPod]) -> str:
    """Say which pods of the attempt before keep their names from the next one, and what has to happen."""
    pods = sorted(old, key=lambda pod: pod.name)
    silent = [pod for pod in pods if pod.gone_by and pod.disruption == TAINTED]
    if silent and spec.on_node_lost is OnNodeLost.WAIT:
        who = f"Pod {silent[0].name} is on a node that does not answer"
        return f"{who}, and spec.onNodeLost is Wait: the node has to come back, or the pod has to be removed by hand."
    told = still_ending([pod.name for pod in pods], " of the attempt before")
    return f"{told[0].upper()}{told[1:]}."
