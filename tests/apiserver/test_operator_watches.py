"""Watches that lie, forget and break, between the real operator and the real API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.fake_kubelet import FakeKubelet, Run
from tests.support.operating import IMAGE, by_name
from tests.support.operator_process import OperatorProcess, operator
from tests.support.user import User, wait_until

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)
EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
UNKNOWN = {
    "type": "ERROR",
    "object": {"kind": "Status", "code": 500, "reason": "InternalError", "message": "no leader"},
}


@contextmanager
def behind_a_proxy(
    cluster: Cluster, user: User, folder: Path, *flags: str
) -> Iterator[tuple[OperatorProcess, ApiProxy, FakeKubelet]]:
    """Run an operator whose watches a test can bend, and a kubelet whose own are straight."""
    with (
        ApiProxy(cluster.kubeconfig) as proxy,
        FakeKubelet(cluster.kubeconfig, user.namespace, by_name(worker_0=SERVES, worker_1=SERVES)) as kubelet,
        operator(
            cluster.kubeconfig,
            folder,
            user.namespace,
            *("--kubeconfig", str(proxy.write_kubeconfig(folder / "kubeconfig"))),
            *("--lease-identity", "the-pod", "--status-interval", "1", *flags),
        ) as process,
    ):
        process.wait_until_ready()
        yield process, proxy, kubelet


def jobs_known(process: OperatorProcess) -> float:
    """Return how many jobs the operator believes in."""
    lines = [line for line in process.get("/metrics")[1].splitlines() if line.startswith("trainingjob_jobs{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_pod_that_vanished_while_the_watch_was_deaf_is_found_missing(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with behind_a_proxy(cluster, user, tmp_path) as (process, proxy, kubelet):
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2}, maxDisruptions=0)
        user.wait_for_phase("mnist", "Running")
        proxy.deaf.add("pods")
        user.kubectl("delete", "pod", "mnist-worker-1")
        proxy.deaf.clear()
        wait_until(lambda: proxy.say("pods", EXPIRED), bool, 30)
        status = user.wait_finished("mnist", seconds=60)
        assert [failure["pod"] for failure in status["failures"]] == ["mnist-worker-1"]
        assert process.exit_code is None
        assert all(len(uids) == 1 for uids in kubelet.seen.values())


def test_job_that_was_deleted_while_the_watch_was_deaf_is_forgotten(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with behind_a_proxy(cluster, user, tmp_path, "--resync-seconds", "2") as (process, proxy, _):
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running")
        proxy.deaf.add("trainingjobs")
        user.kubectl("delete", "tjob", "mnist")
        proxy.deaf.clear()
        wait_until(lambda: proxy.say("trainingjobs", EXPIRED), bool, 30)
        wait_until(lambda: jobs_known(process), lambda count: count == 0, 60)
        # The garbage collector, whose pace is not the operator's, takes the pods.
        wait_until(lambda: user.pods("mnist"), lambda pods: pods == {}, 60)
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running", seconds=60)


def test_job_that_the_deaf_watch_did_not_tell_of_is_found_by_the_regular_comparison(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with behind_a_proxy(cluster, user, tmp_path, "--resync-seconds", "2") as (_, proxy, __):
        proxy.deaf.add("trainingjobs")
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running", seconds=60)


def test_unknown_error_in_the_watch_of_pods_is_survived(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with behind_a_proxy(cluster, user, tmp_path) as (process, proxy, _):
        wait_until(lambda: proxy.say("pods", UNKNOWN), bool, 30)
        wait_until(lambda: proxy.say("services", UNKNOWN), bool, 30)
        user.apply_job("mnist", image=IMAGE)
        user.wait_for_phase("mnist", "Running", seconds=60)
        assert process.exit_code is None


def test_error_that_kopf_cannot_go_on_after_ends_the_process_and_the_next_one_goes_on(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with behind_a_proxy(cluster, user, tmp_path) as (process, proxy, kubelet):
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2})
        user.wait_for_phase("mnist", "Running")
        wait_until(lambda: proxy.say("trainingjobs", UNKNOWN), bool, 30)
        assert process.wait() == 1
        assert "kopf has failed" in process.text()
        with operator(cluster.kubeconfig, tmp_path, user.namespace, name="next") as following:
            following.wait_until_ready()
            user.apply_job("second", image=IMAGE)
            user.wait_for_phase("second", "Running")
            assert user.status("mnist")["phase"] == "Running"
        assert all(len(uids) == 1 for uids in kubelet.seen.values())


def test_lost_answers_to_writes_are_made_up_for(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with behind_a_proxy(cluster, user, tmp_path) as (process, proxy, kubelet):
        proxy.strike = lambda number, moment: moment == "after" and number % 2 == 1
        user.apply_job("mnist", image=IMAGE, multiWorker={"workers": 2})
        user.wait_for_phase("mnist", "Running", seconds=60)
        assert all(len(uids) == 1 for uids in kubelet.seen.values())
        assert process.exit_code is None
