"""What is read from the statuses that kubelets and schedulers write."""

from datetime import UTC, datetime

import pytest

from tests.unit.controller.statuses import main, pod, running, terminated
from trainingjob.controller.observe import MESSAGE_LIMIT, read_service
from trainingjob.reconcile import MainContainer

CREATED = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
STARTED = datetime(2026, 1, 31, 12, 0, 10, tzinfo=UTC)
ENDED = datetime(2026, 1, 31, 12, 5, 0, tzinfo=UTC)
EPOCH = "1970-01-01T00:00:00Z"


def test_new_pod_has_identity_and_waits() -> None:
    found = pod()
    assert (found.namespace, found.name, found.uid, found.resource_version) == (
        "team",
        "mnist-worker-3",
        "pod-uid",
        "12",
    )
    assert (found.job, found.role, found.index, found.attempt, found.owner_uid) == ("mnist", "worker", 3, 2, "job-uid")
    assert (found.phase, found.created, found.deleting, found.ready) == ("Pending", CREATED, False, False)
    assert found.main == MainContainer()


@pytest.mark.parametrize("index", ["", "-1", "x", "1.5", "99999999999"])
def test_label_that_is_no_number_is_no_index(index: str) -> None:
    found = pod(labels={"trainingjob.dev/job": "mnist", "trainingjob.dev/index": index})
    assert found.index == -1
    assert found.role == ""


def test_pod_without_labels_or_controller_belongs_to_nobody() -> None:
    found = pod(labels=None, ownerReferences=None)
    assert (found.job, found.owner_uid) == ("", "")


def test_pod_with_deletion_time_is_being_deleted() -> None:
    assert pod(deletionTimestamp="2026-01-31T12:01:00Z").deleting


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", 'failed to pull image "nope": not found'),
        ("ImagePullBackOff", 'Back-off pulling image "nope"'),
        ("CreateContainerConfigError", 'configmap "settings" not found'),
        ("ContainerCreating", ""),
    ],
)
def test_waiting_container_keeps_the_kubelets_words(reason: str, message: str) -> None:
    found = pod({"phase": "Pending", "containerStatuses": [main({"waiting": {"reason": reason, "message": message}})]})
    assert found.main == MainContainer(reason=reason, message=message)


def test_unschedulable_pod_keeps_the_schedulers_words() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
    }
    found = pod({"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}, condition]})
    assert found.scheduling_reason == "Unschedulable"
    assert found.unschedulable == "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."


def test_scheduled_pod_is_not_called_unschedulable() -> None:
    found = pod({"conditions": [{"type": "PodScheduled", "status": "True"}]})
    assert (found.unschedulable, found.scheduling_reason) == ("", "")


def test_running_pod_is_ready_when_its_main_container_is() -> None:
    found = pod({"phase": "Running", "containerStatuses": [{"name": "mesh", "state": {}, "ready": False}, running()]})
    assert found.main == MainContainer(started=STARTED)
    assert found.ready


def test_program_whose_start_up_probe_has_not_succeeded_runs_and_is_not_ready() -> None:
    probed = {**running(), "ready": False, "started": False}
    found = pod({"phase": "Running", "containerStatuses": [probed]})
    assert found.main == MainContainer(started=STARTED)
    assert not found.ready


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (1, "Error"), (137, "OOMKilled"), (143, "Error")])
def test_ended_container_keeps_code_reason_and_times(code: int, reason: str) -> None:
    found = pod({"phase": "Failed", "containerStatuses": [terminated(code, reason, "Traceback: boom")]})
    assert found.main == MainContainer(STARTED, ENDED, code, reason, "Traceback: boom")
    assert not found.ready


def test_sidecar_that_still_runs_hides_no_end() -> None:
    mesh = {"name": "mesh", "ready": True, "state": {"running": {"startedAt": "2026-01-31T12:00:10Z"}}}
    found = pod({"phase": "Running", "containerStatuses": [mesh, terminated(0, "Completed")]})
    assert found.phase == "Running"
    assert found.main.exit_code == 0
    assert not found.ready
    assert found.others_running


def test_program_that_runs_alone_has_no_other_container_running() -> None:
    assert not pod({"phase": "Running", "containerStatuses": [terminated(0, "Completed")]}).others_running


def test_container_lost_with_its_node_has_ended_although_nobody_knows_when() -> None:
    lost = terminated(137, "ContainerStatusUnknown", startedAt=None, finishedAt=None)
    found = pod({"phase": "Failed", "containerStatuses": [lost]})
    assert found.main == MainContainer(None, CREATED, 137, "ContainerStatusUnknown")


def test_container_that_could_not_be_started_never_began() -> None:
    failed = terminated(128, "StartError", "exec: no such file", startedAt=EPOCH)
    found = pod({"phase": "Failed", "containerStatuses": [failed]})
    assert found.main == MainContainer(None, ENDED, 128, "StartError", "exec: no such file")


def test_last_words_keep_their_end() -> None:
    found = pod({"containerStatuses": [terminated(1, message="x" * 4000 + "ValueError: boom")]})
    assert found.main.message.endswith("ValueError: boom")
    assert len(found.main.message) == MESSAGE_LIMIT


def test_evicted_pod_without_container_statuses_keeps_its_own_reason() -> None:
    found = pod({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})
    assert (found.phase, found.reason, found.message) == ("Failed", "Evicted", "The node was low on resource: memory.")
    assert found.main == MainContainer()


def test_service_is_read() -> None:
    found = read_service(
        {
            "metadata": {
                "name": "mnist",
                "namespace": "team",
                "uid": "s",
                "resourceVersion": "4",
                "labels": {"trainingjob.dev/job": "mnist"},
                "ownerReferences": [{"uid": "job-uid", "controller": True}],
            }
        }
    )
    assert (found.name, found.job, found.owner_uid, found.deleting) == ("mnist", "mnist", "job-uid", False)
