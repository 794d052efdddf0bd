"""Whole lives of jobs: the real operator, the real API server, a fake kubelet."""

import json
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, PARAMETER_SERVER, by_name, operated
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)


def owner(pod: Object) -> str:
    """Return the uid of a pod's controller."""
    return str(pod["metadata"]["ownerReferences"][0]["uid"])


def test_job_runs_to_success_and_the_server_is_deleted(cluster: Cluster, user: User, tmp_path: Path) -> None:
    # The end of worker 0 ends the job: by then the other has to be done.
    last = Run(after=("mnist-worker-1",))
    with operated(cluster, user, tmp_path, by_name(ps_0=SERVES, worker_0=last)) as at:
        user.apply_job("mnist", **PARAMETER_SERVER)
        user.wait_finished("mnist", seconds=60)
        job = at.settle("mnist")
        status = job["status"]
        assert (status["phase"], status["ready"]) == ("Succeeded", "2/3")
        assert status["observedGeneration"] == job["metadata"]["generation"]
        assert at.condition("mnist", "Finished")["status"] == "True"
        assert set(user.pods("mnist")) == {"mnist-worker-0", "mnist-worker-1"}
        assert at.events("mnist")[0] == ("Normal", "Created")
        assert ("Normal", "Succeeded") in at.events("mnist")
        assert "finalizers" not in job["metadata"]
        assert set(job["metadata"]["annotations"]) == {"kubectl.kubernetes.io/last-applied-configuration"}


def test_children_belong_to_the_job_and_go_with_it(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=SERVES, ps_0=SERVES)) as at:
        user.apply_job("mnist", **PARAMETER_SERVER)
        user.wait_for_phase("mnist", "Running")
        job = user.job("mnist")
        service = json.loads(user.kubectl("get", "service", "mnist", "-o", "json"))
        for child in (*user.pods("mnist").values(), service):
            owners = child["metadata"]["ownerReferences"]
            assert [(owner["uid"], owner["controller"]) for owner in owners] == [(job["metadata"]["uid"], True)]
        user.kubectl("delete", "tjob", "mnist")
        user.wait_for_pods("mnist", set())
        wait_until(lambda: user.kubectl("get", "services", "-o", "name"), lambda text: text == "", 60)
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values()), "nothing is made again for a job that is gone"


def test_failed_pod_fails_the_job_with_the_evidence(cluster: Cluster, user: User, tmp_path: Path) -> None:
    failing = Run(exit_code=3, message="ValueError: no such optimizer")
    with operated(cluster, user, tmp_path, by_name(ps_0=SERVES, worker_0=SERVES, worker_1=failing)) as at:
        user.apply_job("mnist", **PARAMETER_SERVER, maxRestarts=0)
        user.wait_finished("mnist", seconds=60)
        status = at.settle("mnist")["status"]
        assert status["phase"] == "Failed"
        (failure,) = status["failures"]
        assert (failure["pod"], failure["role"], failure["index"], failure["exitCode"], failure["reason"]) == (
            "mnist-worker-1",
            "worker",
            1,
            3,
            "Error",
        )
        assert "ValueError: no such optimizer" in failure["message"]
        assert at.condition("mnist", "Stalled")["status"] == "True"
        assert set(user.pods("mnist")) == {"mnist-worker-1"}


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_finished_job_stays_as_it_is_whatever_happens_to_its_pods(
    cluster: Cluster, user: User, tmp_path: Path, code: int, phase: str
) -> None:
    with operated(
        cluster, user, tmp_path, by_name(ps_0=SERVES, worker_0=Run(exit_code=code)), "--resync-seconds", "1"
    ) as at:
        user.apply_job("mnist", **PARAMETER_SERVER, maxRestarts=0)
        user.wait_finished("mnist", seconds=60)
        before = at.settle("mnist")
        passes = at.process.metric('trainingjob_reconcile_seconds_count{result="done"}')
        user.kubectl("delete", "pods", "--all")
        user.kubectl("delete", "service", "mnist")
        wait_until(
            lambda: at.process.metric('trainingjob_reconcile_seconds_count{result="done"}'),
            lambda count: count > passes + 5,
            60,
        )
        after = user.job("mnist")
        assert after["status"]["phase"] == phase
        assert after["status"]["conditions"] == before["status"]["conditions"]
        assert after["status"]["completionTime"] == before["status"]["completionTime"]
        assert user.pods("mnist") == {}
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values())


def test_completed_worker_is_never_started_again(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(
        cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=Run(seconds=0)), "--resync-seconds", "1"
    ) as at:
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2})
        wait_until(
            lambda: user.status("mnist").get("replicas", {}).get("worker", {}).get("succeededIndexes"),
            lambda indexes: indexes == "1",
            60,
        )
        passes = at.process.metric('trainingjob_reconcile_seconds_count{result="done"}')
        user.kubectl("delete", "pod", "mnist-worker-1")
        wait_until(
            lambda: at.process.metric('trainingjob_reconcile_seconds_count{result="done"}'),
            lambda count: count > passes + 3,
            60,
        )
        assert user.status("mnist")["phase"] == "Running"
        assert set(user.pods("mnist")) == {"mnist-worker-0"}
        assert len(at.kubelet.seen["mnist-worker-1"]) == 1


def test_recreated_job_waits_for_the_old_pods_and_inherits_nothing(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    slow = Run(exit_code=None, stop_after=("looked at",))
    with operated(cluster, user, tmp_path, lambda _: slow) as at:
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running")
        old = user.job("mnist")
        at.kubelet.script = lambda pod: slow if owner(pod) == old["metadata"]["uid"] else Run()
        user.kubectl("delete", "tjob", "mnist", "--cascade=background")
        user.apply_job("mnist", image=IMAGE)
        waiting = user.wait_for_reason("mnist", "WaitingForOldPods")
        assert "mnist-worker-0" in waiting["message"]
        assert owner(user.pods("mnist")["mnist-worker-0"]) == old["metadata"]["uid"]
        at.kubelet.announce("looked at")
        user.wait_finished("mnist", seconds=60)
        new = at.settle("mnist")
        assert new["status"]["phase"] == "Succeeded"
        assert "failures" not in new["status"]
        pod = user.pods("mnist")["mnist-worker-0"]
        assert owner(pod) == new["metadata"]["uid"] != old["metadata"]["uid"]
        assert at.kubelet.seen["mnist-worker-0"][-1] == pod["metadata"]["uid"]
        assert len(at.kubelet.seen["mnist-worker-0"]) == 2
