"""Whose fault the end of a pod is; every status is one that a cluster has written, or that a file of Kubernetes has."""

from typing import Any

import pytest

from tests.support.recorded_pods import Recording, recordings
from tests.support.sourced_statuses import SOURCED, Sourced
from tests.unit.controller.statuses import pod
from trainingjob.api.roles import Role
from trainingjob.api.status import FailureClass
from trainingjob.plan import Replica
from trainingjob.reconcile import ObservedPod
from trainingjob.reconcile.classes import classify
from trainingjob.reconcile.replicas import ReplicaView, State, judge

REPLICA = Replica(Role.WORKER, 3, "mnist-worker-3")
RECORDED = {found.name: found for found in recordings()}
EXPECTED: dict[str, FailureClass | None] = {
    "exit-0": None,
    **dict.fromkeys(("no-image", "no-registry", "no-settings"), None),
    **dict.fromkeys(("exit-3", "signal-kill", "signal-term", "signal-segv", "signal-abrt"), FailureClass.APP_FAILURE),
    **dict.fromkeys(("deadline-of-the-pod", "volume-overfull"), FailureClass.APP_FAILURE),
    **dict.fromkeys(("memory", "memory-of-a-child"), FailureClass.OUT_OF_MEMORY),
    **dict.fromkeys(("init-exit-78", "init-memory", "init-no-command", "no-command"), FailureClass.INFRA),
    "sysctl": FailureClass.INFRA,
    **dict.fromkeys(("deleted", "deleted-stubborn", "deleted-own-code"), FailureClass.DISRUPTION),
    **dict.fromkeys(("evicted", "evicted-own-code", "preempted", "critical"), FailureClass.DISRUPTION),
    **dict.fromkeys(("out-of-cpu", "out-of-memory", "out-of-gpus", "node-affinity"), FailureClass.DISRUPTION),
    **dict.fromkeys(("power-cut", "node-silent", "node-out-of-service", "node-removed"), FailureClass.NODE_LOST),
    # Kubernetes says the same of every taint NoExecute, whoever has set it.
    **dict.fromkeys(("tainted", "refused-tainted"), FailureClass.NODE_LOST),
}
"""The class of each recording; None for a pod that has not failed."""


def observed(body: dict[str, Any]) -> ObservedPod:
    """Read a pod of the operator's own with a recorded status."""
    return pod(body["status"], body.get("spec"), creationTimestamp="2026-01-01T00:00:00Z", **body["metadata"])


def class_of(found: ObservedPod) -> FailureClass | None:
    """Return the class of a replica with this pod; None while it neither has failed nor is taken away."""
    view = ReplicaView(REPLICA, judge(found), found)
    return classify(view) if view.state is State.FAILED or found.deleting else None


def test_every_recording_says_on_which_kubernetes_it_was_made_and_what_had_been_done() -> None:
    assert set(RECORDED) == set(EXPECTED)
    assert {found.kubernetes for found in RECORDED.values()} == {"1.35.4"}
    assert all(found.done and found.seen for found in RECORDED.values())


@pytest.mark.parametrize("recording", RECORDED.values(), ids=lambda found: found.name)
def test_recorded_end_has_its_class_from_its_first_sign_to_its_last(recording: Recording) -> None:
    assert [class_of(observed(body)) for body in recording.seen] == [EXPECTED[recording.name]] * len(recording.seen)


@pytest.mark.parametrize("sourced", SOURCED, ids=lambda found: found.name)
def test_end_that_kubernetes_own_files_show_has_its_class(sourced: Sourced) -> None:
    body = {"status": dict(sourced.status), "metadata": dict(sourced.metadata)}
    assert class_of(observed(body)) == sourced.expected, sourced.source


def test_program_that_had_failed_before_somebody_deleted_its_pod_stays_its_own_fault() -> None:
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "startedAt": "2026-01-01T00:00:02Z",
        "finishedAt": "2026-01-01T00:00:10Z",
    }
    status = {"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": ended}}]}
    deletion = {"deletionTimestamp": "2026-01-01T00:01:40Z", "deletionGracePeriodSeconds": 30}
    assert class_of(observed({"status": status, "metadata": deletion})) is FailureClass.APP_FAILURE


def test_pod_that_was_never_taken_in_for_an_unknown_reason_is_not_its_program_s_fault() -> None:
    status = {"phase": "Failed", "reason": "ReasonOfTomorrow", "message": "Pod was rejected: because"}
    assert class_of(observed({"status": status, "metadata": {}})) is FailureClass.INFRA
