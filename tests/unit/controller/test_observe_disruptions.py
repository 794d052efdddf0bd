"""What is read of pods that the cluster takes away, and whose fault their end is.

The words are those of Kubernetes 1.35.4; the file that says them stands beside each. Ends as clusters have written them
are in tests/data/pod_statuses.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.controller.statuses import main, pod, running, terminated
from trainingjob.api.roles import Role
from trainingjob.api.status import FailureClass
from trainingjob.controller.observe import MESSAGE_LIMIT
from trainingjob.plan import Replica
from trainingjob.reconcile import MainContainer, ObservedPod
from trainingjob.reconcile.classes import classify
from trainingjob.reconcile.replicas import ReplicaView, judge

REPLICA = Replica(Role.WORKER, 3, "mnist-worker-3")
MARKED: dict[str, str] = {
    # pkg/scheduler/framework/preemption/preemption.go
    "PreemptionByScheduler": "default-scheduler: preempting to accommodate a higher priority pod",
    # pkg/registry/core/pod/storage/eviction.go
    "EvictionByEvictionAPI": "Eviction API: evicting",
    # pkg/controller/tainteviction/taint_eviction.go
    "DeletionByTaintManager": "Taint manager: deleting due to NoExecute taint",
    # pkg/controller/podgc/gc_controller.go
    "DeletionByPodGC": "PodGC: node no longer exists",
}
"""What the condition DisruptionTarget says, by its reason."""

ENDED_BY_KUBELET: dict[str, tuple[str, str]] = {
    # pkg/kubelet/eviction/eviction_manager.go and helpers.go
    "Evicted": (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80132Ki. ",
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80132Ki. ",
    ),
    # pkg/kubelet/nodeshutdown/nodeshutdown_manager.go
    "Terminated": (
        "Pod was terminated in response to imminent node shutdown.",
        "Pod was terminated in response to imminent node shutdown.",
    ),
    # pkg/kubelet/preemption/preemption.go
    "Preempting": (
        "Preempted in order to admit critical pod",
        "Pod was preempted by Kubelet to accommodate a critical pod.",
    ),
}
"""The messages of status and condition, by the status' reason; the condition's is TerminationByKubelet."""

TURNED_AWAY: dict[str, str] = {
    # pkg/kubelet/kubelet.go (rejectPod) with pkg/kubelet/eviction/eviction_manager.go
    "Evicted": "Pod was rejected: The node had condition: [DiskPressure]. ",
    # pkg/kubelet/nodeshutdown/nodeshutdown_manager.go
    "NodeShutdown": "Pod was rejected: Pod was rejected as the node is shutting down.",
    # pkg/kubelet/lifecycle/predicate.go
    "OutOfcpu": "Pod was rejected: Node didn't have enough resource: cpu, requested: 100, used: 1950, capacity: 2000",
    "UnexpectedAdmissionError": "Pod was rejected: Allocate failed due to no healthy devices, which is unexpected",
    "NodeAffinity": "Pod was rejected: Predicate NodeAffinity failed: node didn't match Pod's node affinity/selector",
}
"""The message of a pod that never began, by its reason; it has neither conditions nor containers."""


def target(reason: str, message: str, status: str = "True") -> dict[str, Any]:
    """Return the condition DisruptionTarget."""
    time = "2026-01-31T12:04:00Z"
    said = {"type": "DisruptionTarget", "status": status, "reason": reason, "message": message}
    return {**said, "observedGeneration": 1, "lastProbeTime": None, "lastTransitionTime": time}


def conditions(*more: dict[str, Any], ready: str = "True") -> list[dict[str, Any]]:
    """Return the conditions of a pod that has run, as the kubelet and others write them."""
    usual = {"PodReadyToStartContainers": "True", "Initialized": "True", "Ready": ready, "PodScheduled": "True"}
    time = "2026-01-31T12:00:10Z"
    return [*({"type": kind, "status": word, "lastTransitionTime": time} for kind, word in usual.items()), *more]


def marked(reason: str, *, container: dict[str, Any] | None = None, message: str = "") -> ObservedPod:
    """Return a pod that Kubernetes has marked and deletes; its program still runs unless it is said otherwise."""
    condition = target(reason, message or MARKED[reason])
    return pod(
        {"phase": "Running", "conditions": conditions(condition), "containerStatuses": [container or running()]},
        deletionTimestamp="2026-01-31T12:04:30Z",
        deletionGracePeriodSeconds=30,
    )


def ended_by_kubelet(reason: str, code: int = 137) -> ObservedPod:
    """Return a pod that its kubelet has ended."""
    message, condition = ENDED_BY_KUBELET[reason]
    conditions_now = conditions(target("TerminationByKubelet", condition), ready="False")
    said = {"phase": "Failed", "reason": reason, "message": message, "conditions": conditions_now}
    return pod({**said, "containerStatuses": [terminated(code)]})


def turned_away(reason: str) -> ObservedPod:
    """Return a pod that its kubelet did not take."""
    return pod({"phase": "Failed", "reason": reason, "message": TURNED_AWAY[reason], "qosClass": "BestEffort"})


def class_of(found: ObservedPod) -> FailureClass:
    """Return the class of a replica with this pod."""
    return classify(ReplicaView(REPLICA, judge(found), found))


@pytest.mark.parametrize("reason", MARKED)
def test_pod_that_is_taken_away_tells_who_does_it_and_until_when_it_may_end(reason: str) -> None:
    found = marked(reason)
    assert (found.disruption, found.disruption_message) == (reason, MARKED[reason])
    assert (found.deleting, found.gone_by) == (True, datetime(2026, 1, 31, 12, 4, 30, tzinfo=UTC))
    assert found.deleted_at == datetime(2026, 1, 31, 12, 4, tzinfo=UTC)
    assert found.main.ended is None
    assert ("DisruptionTarget", "True", reason) in found.conditions


@pytest.mark.parametrize("reason", ENDED_BY_KUBELET)
def test_pod_that_its_kubelet_has_ended_keeps_the_words_of_its_status_and_of_its_condition(reason: str) -> None:
    found = ended_by_kubelet(reason)
    assert (found.phase, found.reason, found.disruption) == ("Failed", reason, "TerminationByKubelet")
    assert (found.message, found.disruption_message) == ENDED_BY_KUBELET[reason]
    assert (found.deleting, found.gone_by, found.main.exit_code) == (False, None, 137)


@pytest.mark.parametrize("reason", TURNED_AWAY)
def test_pod_that_its_kubelet_did_not_take_has_a_reason_and_no_program(reason: str) -> None:
    found = turned_away(reason)
    assert (found.phase, found.reason, found.message) == ("Failed", reason, TURNED_AWAY[reason])
    assert (found.disruption, found.conditions, found.main) == ("", (), MainContainer())


@pytest.mark.parametrize("reason", MARKED)
@pytest.mark.parametrize("container", [running(), terminated(143), terminated(1), terminated(137)], ids=str)
def test_pod_that_is_taken_away_is_never_its_programs_fault(reason: str, container: dict[str, Any]) -> None:
    lost = reason in ("DeletionByTaintManager", "DeletionByPodGC")
    expected = FailureClass.NODE_LOST if lost else FailureClass.DISRUPTION
    assert class_of(marked(reason, container=container)) is expected


@pytest.mark.parametrize("reason", ENDED_BY_KUBELET)
def test_pod_that_its_kubelet_has_ended_is_a_disruption(reason: str) -> None:
    assert class_of(ended_by_kubelet(reason)) is FailureClass.DISRUPTION


@pytest.mark.parametrize("reason", TURNED_AWAY)
def test_pod_that_its_kubelet_did_not_take_is_a_disruption(reason: str) -> None:
    assert class_of(turned_away(reason)) is FailureClass.DISRUPTION


def test_condition_that_was_taken_back_is_no_disruption() -> None:
    condition = target("EvictionByEvictionAPI", "Eviction API: evicting", status="False")
    found = pod({"phase": "Failed", "conditions": conditions(condition), "containerStatuses": [terminated(1)]})
    assert (found.disruption, found.disruption_message) == ("", "")
    assert ("DisruptionTarget", "False", "EvictionByEvictionAPI") in found.conditions
    assert class_of(found) is FailureClass.APP_FAILURE


def test_pod_that_somebody_deletes_by_hand_has_an_end_and_no_mark() -> None:
    status = {"phase": "Running", "conditions": conditions(), "containerStatuses": [running()]}
    found = pod(status, deletionTimestamp="2026-01-31T12:04:30Z")
    assert (found.disruption, found.deleting) == ("", True)
    assert found.gone_by == datetime(2026, 1, 31, 12, 4, 30, tzinfo=UTC)
    assert class_of(found) is FailureClass.DISRUPTION


def test_conditions_of_any_kind_are_kept_in_their_order_with_what_they_do_not_say_empty() -> None:
    own = {"type": "example.com/Checked", "status": "Unknown", "reason": "NoAnswer"}
    found = pod({"conditions": [{"type": "PodScheduled", "status": "True"}, own]})
    assert found.conditions == (("PodScheduled", "True", ""), ("example.com/Checked", "Unknown", "NoAnswer"))


def test_pod_without_conditions_has_none() -> None:
    found = pod({"phase": "Pending", "containerStatuses": [main({"waiting": {"reason": "ContainerCreating"}})]})
    assert (found.conditions, found.disruption, found.gone_by) == ((), "", None)


def test_long_message_of_a_disruption_is_cut() -> None:
    assert len(marked("PreemptionByScheduler", message="x" * 5000).disruption_message) == MESSAGE_LIMIT
