"""What goes wrong shows in the job's status, in the words of whoever refused, and the operator stays well."""

import json
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, PARAMETER_SERVER, by_name, operated
from tests.support.user import User, wait_until

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)


def test_foreign_service_of_the_jobs_name_is_left_alone_and_reported(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mnist"}, "spec": {"ports": [{"port": 80}]}}
    user.apply(service)
    before = json.loads(user.kubectl("get", "service", "mnist", "-o", "json"))
    with operated(cluster, user, tmp_path, by_name(ps_0=SERVES)):
        user.apply_job("mnist", **PARAMETER_SERVER)
        status = user.wait_for_reason("mnist", "NameTaken")
        assert "Service mnist exists already and was not made by this job" in status["message"]
        assert json.loads(user.kubectl("get", "service", "mnist", "-o", "json")) == before
        assert user.pods("mnist") == {}
        user.kubectl("delete", "service", "mnist")
        assert user.wait_finished("mnist", seconds=90)["phase"] == "Succeeded"


def test_foreign_pod_of_a_childs_name_is_left_alone_and_reported(cluster: Cluster, user: User, tmp_path: Path) -> None:
    container = {"name": "web", "image": "nginx"}
    user.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "mnist-ps-0"},
            "spec": {"containers": [container], "automountServiceAccountToken": False},
        }
    )
    before = json.loads(user.kubectl("get", "pod", "mnist-ps-0", "-o", "json"))
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=SERVES)):
        user.apply_job("mnist", **PARAMETER_SERVER)
        status = user.wait_for_reason("mnist", "NameTaken")
        assert "Pod mnist-ps-0 exists already" in status["message"]
        user.kubectl("delete", "tjob", "mnist")
        user.wait_for_pods("mnist", set())
        assert json.loads(user.kubectl("get", "pod", "mnist-ps-0", "-o", "json")) == before


def test_exceeded_quota_is_named_and_the_job_runs_once_there_is_room(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}}
    user.apply(quota)
    wait_until(
        lambda: json.loads(user.kubectl("get", "resourcequota", "two", "-o", "json")).get("status", {}),
        lambda status: "hard" in status,
        30,
    )
    # A pod that has ended takes no room any more: nobody ends before all are there.
    waits = Run(peers=("mnist-ps-0", "mnist-worker-0", "mnist-worker-1"))
    with operated(cluster, user, tmp_path, by_name(ps_0=SERVES, worker_0=waits, worker_1=waits)) as at:
        user.apply_job("mnist", **PARAMETER_SERVER)
        status = user.wait_for_reason("mnist", "QuotaExceeded")
        assert status["phase"] == "Pending"
        assert "exceeded quota: two" in status["message"]
        assert len(user.pods("mnist")) == 2
        refused = 'trainingjob_api_requests_total{code="403",resource="pods",verb="create"}'
        wait_until(lambda: at.process.metric(refused), lambda count: count >= 2, 30)
        user.kubectl("patch", "resourcequota", "two", "--type=merge", "-p", '{"spec":{"hard":{"pods":"5"}}}')
        # Its workers wait for its server, so the end says that every pod was created.
        assert user.wait_finished("mnist", seconds=150)["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("run", "reason", "words"),
    [
        (
            Run(unschedulable="0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),
            "Unschedulable",
            "3 Insufficient nvidia.com/gpu",
        ),
        (
            Run(waiting="CreateContainerConfigError", message='configmap "settings" not found'),
            "ContainerConfig",
            'configmap "settings" not found',
        ),
        (Run(waiting="ImagePullBackOff", message='Back-off pulling image "nope"'), "ImagePull", '"nope"'),
    ],
)
def test_pod_that_cannot_start_gives_its_own_words_to_the_job(
    cluster: Cluster, user: User, tmp_path: Path, run: Run, reason: str, words: str
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=run)) as at:
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2})
        status = user.wait_for_reason("mnist", reason)
        assert status["phase"] == "Pending"
        assert words in status["message"]
        assert at.condition("mnist", "Reconciling")["status"] == "True"
        assert ("Warning", reason) in at.events("mnist")
        assert at.process.get("/healthz") == (200, "ok\n")


def test_admission_that_refuses_a_pod_is_named(cluster: Cluster, user: User, tmp_path: Path) -> None:
    user.kubectl("label", "namespace", user.namespace, "pod-security.kubernetes.io/enforce=restricted")
    with operated(cluster, user, tmp_path, by_name(), "--security-profile", "baseline"):
        user.apply_job("mnist", image=IMAGE)
        status = user.wait_for_reason("mnist", "AdmissionRefused")
        assert "violates PodSecurity" in status["message"]


def test_missing_service_account_is_named(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name()):
        user.apply_job("mnist", image=IMAGE, serviceAccountName="nobody")
        status = user.wait_for_reason("mnist", "AdmissionRefused")
        assert 'serviceaccount "nobody" not found' in status["message"]


def test_pod_whose_label_was_taken_away_is_neither_lost_nor_made_twice(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=SERVES), "--resync-seconds", "1") as at:
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2})
        user.wait_for_phase("mnist", "Running")
        reads = at.process.metric('trainingjob_api_requests_total{code="200",resource="pods",verb="get"}')
        user.kubectl("label", "pod", "mnist-worker-1", "trainingjob.dev/job-")
        wait_until(
            lambda: at.process.metric('trainingjob_api_requests_total{code="200",resource="pods",verb="get"}'),
            lambda count: count > reads,
            60,
        )
        assert user.status("mnist")["phase"] == "Running"
        user.kubectl("label", "pod", "mnist-worker-1", "trainingjob.dev/job=mnist")
        wait_until(lambda: user.status("mnist")["ready"], lambda ready: ready == "2/2", 60)
        assert len(at.kubelet.seen["mnist-worker-1"]) == 1


def test_pod_of_a_running_job_that_somebody_deletes_fails_a_job_that_survives_no_disruption(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=SERVES)) as at:
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2}, maxDisruptions=0)
        user.wait_for_phase("mnist", "Running")
        user.kubectl("delete", "pod", "mnist-worker-1")
        status = user.wait_finished("mnist", seconds=60)
        assert status["phase"] == "Failed"
        assert [failure["pod"] for failure in status["failures"]] == ["mnist-worker-1"]
        assert len(at.kubelet.seen["mnist-worker-1"]) == 1


def test_log_lines_name_the_job_that_they_speak_of(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(), "--log-format", "json") as at:
        user.apply_job("mnist", image=IMAGE)
        user.wait_finished("mnist", seconds=60)
        lines = [json.loads(line) for line in at.process.text().splitlines()]
        about = [line for line in lines if line.get("name") == "mnist"]
        assert {line["namespace"] for line in about} == {user.namespace}
        assert any("Succeeded" in line["message"] for line in about)
