"""Jobs that are suspended, resumed, cancelled, or run by somebody else."""

from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.audit import Written, operator_writes
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, by_name, operated
from tests.support.user import RefusedError, User

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)
GROUP: dict[str, Any] = {"image": IMAGE, "multiWorker": {"workers": 2}}
MEMBERS = ("mnist-worker-0", "mnist-worker-1")
SECOND_TIME = by_name(worker_0=(SERVES, Run(after=MEMBERS[1:])), worker_1=(SERVES, Run()))
"""Programs that run on until they are stopped, and whose successors succeed."""


def writes_about(cluster: Cluster, user: User, job: str) -> list[Written]:
    """Return what operators have written of a job and its children."""
    return [w for w in operator_writes(cluster.audit_log, user.namespace) if w.name.startswith(job)]


def test_suspended_job_has_no_pods_and_runs_to_success_when_it_is_resumed(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, SECOND_TIME) as at:
        user.apply_job("mnist", **GROUP)
        user.wait_for_phase("mnist", "Running")
        started = user.status("mnist")["startTime"]
        user.change_job("mnist", suspend=True)
        user.wait_for_phase("mnist", "Suspended")
        user.wait_for_pods("mnist", set())
        assert (at.condition("mnist", "Suspended")["status"], at.condition("mnist", "Running")["status"]) == (
            "True",
            "False",
        )
        assert at.condition("mnist", "Reconciling").get("status", "False") == "False"
        assert ("Normal", "Suspended") in at.events("mnist")
        user.change_job("mnist", suspend=False)
        user.wait_finished("mnist", seconds=60)
        status = at.settle("mnist")["status"]
        assert (status["phase"], status["startTime"]) == ("Succeeded", started)
        assert at.counts("mnist") == (0, 0, 0)
        assert "failures" not in status
        assert at.condition("mnist", "Suspended")["status"] == "False"
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == dict.fromkeys(MEMBERS, 2)


def test_resumed_job_waits_until_its_old_pods_are_gone(cluster: Cluster, user: User, tmp_path: Path) -> None:
    slow = Run(exit_code=None, stop_after=("resumed",))
    with operated(cluster, user, tmp_path, by_name(worker_0=(slow, Run()))) as at:
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running")
        (old,) = at.kubelet.seen["mnist-worker-0"]
        user.change_job("mnist", suspend=True)
        user.wait_until_pods("mnist", lambda pods: "deletionTimestamp" in pods["mnist-worker-0"]["metadata"])
        user.change_job("mnist", suspend=False)
        user.wait_until_observed("mnist")
        assert user.pods("mnist")["mnist-worker-0"]["metadata"]["uid"] == old
        at.kubelet.announce("resumed")
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        assert len(at.kubelet.seen["mnist-worker-0"]) == 2


def test_job_that_is_created_suspended_gets_nothing_until_a_queue_has_placed_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name()) as at:
        user.apply_job("mnist", **GROUP, suspend=True, nodeSelector={"pool": "small"})
        user.wait_for_phase("mnist", "Suspended")
        assert at.condition("mnist", "Suspended")["status"] == "True"
        created = [w.resource for w in writes_about(cluster, user, "mnist") if w.verb == "create"]
        assert set(created) <= {"events"}
        user.change_job("mnist", suspend=False, nodeSelector={"pool": "large"}, multiWorker={"workers": 3})
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        at.settle("mnist")
        assert {pod["spec"]["nodeSelector"]["pool"] for pod in user.pods("mnist").values()} == {"large"}
        assert at.kubelet.seen.keys() == {*MEMBERS, "mnist-worker-2"}
        assert at.counts("mnist") == (0, 0, 0)


def test_job_that_is_suspended_while_it_waits_for_its_restart_goes_on_with_that_attempt(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=(Run(exit_code=7), Run()))) as at:
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Restarting")
        user.change_job("mnist", suspend=True)
        user.wait_for_phase("mnist", "Suspended")
        user.wait_for_pods("mnist", set())
        user.change_job("mnist", suspend=False)
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        assert at.counts("mnist") == (1, 1, 0)
        assert user.pods("mnist")["mnist-worker-0"]["metadata"]["labels"]["trainingjob.dev/attempt"] == "1"


def test_cancelled_job_loses_its_pods_for_good_and_keeps_its_record(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=SERVES)) as at:
        user.apply_job("mnist", **GROUP, cleanPodPolicy="None")
        user.wait_for_phase("mnist", "Running")
        started = user.status("mnist")["startTime"]
        user.change_job("mnist", cancel=True)
        status = user.wait_finished("mnist", seconds=60)
        assert (status["phase"], status["reason"], status["startTime"]) == ("Cancelled", "Cancelled", started)
        user.wait_for_pods("mnist", set())
        job = at.settle("mnist")
        assert {at.condition("mnist", kind).get("status", "False") for kind in ("Succeeded", "Failed")} == {"False"}
        assert "failures" not in job["status"]
        assert ("Normal", "Cancelled") in at.events("mnist")
        with pytest.raises(RefusedError, match="stays cancelled"):
            user.change_job("mnist", cancel=False)
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values())


def test_job_of_another_controller_is_never_written(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(), "--resync-seconds", "1") as at:
        user.apply_job("theirs", **GROUP, managedBy="kueue.x-k8s.io/multikueue")
        user.apply_job("ours", **GROUP, managedBy="trainingjob.dev/trainingjob-operator")
        assert user.wait_finished("ours", seconds=60)["phase"] == "Succeeded"
        user.change_job("theirs", suspend=True)
        user.change_job("theirs", suspend=False, cancel=True, ttlSecondsAfterFinished=0)
        user.apply_job("last", image=IMAGE)
        user.wait_finished("last", seconds=60)
        at.settle("last")
        assert writes_about(cluster, user, "theirs") == []
        assert user.status("theirs") == {"observedGeneration": -1}
        assert user.pods("theirs") == {}
        assert writes_about(cluster, user, "ours"), "the record tells of what is written"
