"""From a job, its observed children and the time to a decision: pure functions without memory."""

from trainingjob.reconcile.decision import (
    Action,
    Create,
    Decision,
    DeleteJob,
    DeletePod,
    DeletePodGroup,
    DeleteTensorBoard,
    Event,
    ReadPod,
    StopPod,
)
from trainingjob.reconcile.events import events
from trainingjob.reconcile.observed import (
    Children,
    MainContainer,
    ObservedPod,
    ObservedService,
    Refusal,
    RefusalKind,
    Sidecar,
)
from trainingjob.reconcile.reconciler import reconcile

__all__ = [
    "Action",
    "Children",
    "Create",
    "Decision",
    "DeleteJob",
    "DeletePod",
    "DeletePodGroup",
    "DeleteTensorBoard",
    "Event",
    "MainContainer",
    "ObservedPod",
    "ObservedService",
    "ReadPod",
    "Refusal",
    "RefusalKind",
    "Sidecar",
    "StopPod",
    "events",
    "reconcile",
]
