"""Whole lives of MPI jobs: keys, workers that serve, a launcher that waits for them and decides the end."""

import json
from base64 import b64decode
from collections import Counter
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.audit import operator_writes
from tests.support.fake_kubelet import Run
from tests.support.mpi import MPI, mpi_script, workers
from tests.support.operating import Operated, by_name, operated
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

ITEMS = {"client_key", "authorized_keys", "host_key", "known_hosts"}
STATUS_WRITES = 4
EVENTS = 5


def secrets(user: User) -> dict[str, Object]:
    """Return the Secrets of the namespace by name."""
    return {
        found["metadata"]["name"]: found for found in json.loads(user.kubectl("get", "secrets", "-o", "json"))["items"]
    }


def secret_of(user: User, name: str) -> Object:
    """Return the one Secret that belongs to a job."""
    uid = user.job(name)["metadata"]["uid"]
    (found,) = (one for one in secrets(user).values() if one["metadata"]["ownerReferences"][0]["uid"] == uid)
    return found


def secret_requests(at: Operated) -> dict[str, float]:
    """Return how often the operator has asked for what with Secrets, by the labels of its metric."""
    lines = at.process.get("/metrics")[1].splitlines()
    found = [line.rsplit(" ", 1) for line in lines if "_api_requests_total{" in line and '"secrets"' in line]
    return {labels.partition("{")[2].rstrip("}"): float(value) for labels, value in found}


def test_mpi_job_runs_its_launcher_once_the_workers_are_ready_and_ends_with_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, mpi_script(Run(seconds=0.5))) as at:
        user.apply_job("ring", **MPI)
        user.wait_finished("ring", seconds=60)
        status = at.settle("ring")["status"]
        assert (status["phase"], status["reason"]) == ("Succeeded", "PrimarySucceeded")
        assert "failures" not in status
        assert set(user.pods("ring")) == {"ring-launcher-0"}
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == dict.fromkeys(
            ("ring-launcher-0", *workers("ring")), 1
        )


def test_keys_are_made_for_each_job_and_go_with_it(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, mpi_script(Run(exit_code=None))) as at:
        for name in ("ring", "tree"):
            user.apply_job(name, **MPI)
            user.wait_for_phase(name, "Running")
        found = {name: secret_of(user, name) for name in ("ring", "tree")}
        for name, secret in found.items():
            assert secret["data"].keys() == ITEMS
            assert secret["immutable"]
            (owner,) = secret["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["name"], owner["controller"]) == ("TrainingJob", name, True)
        values = [secret["data"][item] for secret in found.values() for item in ITEMS]
        assert len(set(values)) == 2 * len(ITEMS)
        assert secret_requests(at) == {'code="201",resource="secrets",verb="create"': 2}
        lines = [line for value in values for line in b64decode(value).decode().splitlines() if "-----" not in line]
        assert not [line for line in (*values, *lines) if line in at.process.text()]
        user.kubectl("delete", "tjob", "ring")
        remaining = {found["tree"]["metadata"]["name"]}
        wait_until(lambda: set(secrets(user)), lambda names: names == remaining, 60)


def test_life_of_an_mpi_job_costs_few_writes_and_its_secret_stands_before_its_pods(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(
        cluster,
        user,
        tmp_path,
        mpi_script(Run(seconds=1.5, init_seconds=1), worker_seconds=3),
        "--status-interval",
        "300",
    ) as at:
        user.apply_job("ring", **MPI)
        user.wait_finished("ring", seconds=60)
        at.settle("ring")
        writes = [w for w in operator_writes(cluster.audit_log, user.namespace) if w.resource != "leases"]
    order = [write.resource for write in writes if write.verb == "create" and write.resource != "events"]
    assert order == ["services", "configmaps", "secrets", *["pods"] * 4]
    count = Counter((write.verb, write.resource, write.subresource) for write in writes)
    assert count.pop(("patch", "trainingjobs", "status")) <= STATUS_WRITES
    assert count.pop(("create", "events", "")) + count.pop(("patch", "events", ""), 0) <= EVENTS
    assert count == {
        ("create", "services", ""): 1,
        ("create", "configmaps", ""): 1,
        ("create", "secrets", ""): 1,
        ("create", "pods", ""): 4,
        ("delete", "pods", ""): 3,
    }


def test_exceeded_quota_of_secrets_is_named_and_no_pod_is_made_before_there_is_room(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    user.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"secrets": "0"}}}
    )
    quota = ("get", "resourcequota", "few", "-o", "json")
    wait_until(lambda: json.loads(user.kubectl(*quota)).get("status", {}), lambda status: "hard" in status, 30)
    with operated(cluster, user, tmp_path, mpi_script(Run())) as at:
        user.apply_job("ring", **MPI)
        status = user.wait_for_reason("ring", "QuotaExceeded")
        assert status["phase"] == "Pending"
        assert "Secret ring-" in status["message"]
        assert "exceeded quota: few" in status["message"]
        user.kubectl("patch", "resourcequota", "few", "--type=merge", "-p", '{"spec":{"hard":{"secrets":"1"}}}')
        assert user.wait_finished("ring", seconds=150)["phase"] == "Succeeded"
        assert secret_requests(at).keys() == {f'code="{code}",resource="secrets",verb="create"' for code in (201, 403)}
        writes = [w for w in operator_writes(cluster.audit_log, user.namespace) if w.verb == "create"]
        pods, refused = ([w.resource == "pods" for w in writes], [w.code == 403 for w in writes])
        assert pods.index(True) > max(index for index, found in enumerate(refused) if found)


def test_image_without_sshd_fails_the_job_with_the_words_of_its_init_container(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    words = "The image has no sshd: a worker of an MPI job needs an OpenSSH server (openssh-server)."
    fails = Run(init_exit_code=127, init_message=words)
    with operated(cluster, user, tmp_path, by_name(launcher_0=Run(init_after=("never",)), worker_1=fails)) as at:
        user.apply_job("ring", **MPI, maxRestarts=0)
        user.wait_finished("ring", seconds=60)
        status = at.settle("ring")["status"]
        assert status["phase"] == "Failed"
        assert words in status["message"]
        (failure,) = status["failures"]
        assert (failure["pod"], failure["role"], failure["index"], failure["exitCode"]) == (
            "ring-worker-1",
            "worker",
            1,
            127,
        )


def test_launcher_that_waits_says_how_many_workers_are_up(cluster: Cluster, user: User, tmp_path: Path) -> None:
    waits = Run(init_after=workers("ring"))
    serves = Run(exit_code=None)
    with operated(
        cluster, user, tmp_path, by_name(launcher_0=waits, worker_0=serves, worker_1=serves, worker_2=Run(held=True))
    ):
        user.apply_job("ring", **MPI)
        status = wait_until(
            lambda: user.status("ring"), lambda status: status.get("message", "").startswith("2 of 3 workers"), 60
        )
        assert (status["phase"], status["reason"]) == ("Pending", "WaitingForWorkers")
        assert "ring-worker-2" in status["message"]


def test_lost_worker_is_named_although_the_launcher_fails_for_want_of_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    launcher = Run(exit_code=1, after=("lost",), seconds=0, message="ORTE has lost communication with a remote daemon.")
    with operated(cluster, user, tmp_path, mpi_script(launcher)) as at:
        user.apply_job("ring", **MPI, maxDisruptions=0)
        user.wait_for_phase("ring", "Running")
        user.kubectl("delete", "pod", "ring-worker-1", "--wait=false")
        at.kubelet.announce("lost")
        user.wait_finished("ring", seconds=60)
        status = at.settle("ring")["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "PodDeleted")
        assert "ring-worker-1" in status["message"]
        assert len(at.kubelet.seen["ring-worker-1"]) == 1
