"""Two operators: one works, the other takes over, and no pod is made twice."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.fake_kubelet import FakeKubelet, Run
from tests.support.operating import PARAMETER_SERVER, by_name
from tests.support.operator_process import OperatorProcess, operator
from tests.support.user import User, wait_until

pytestmark = pytest.mark.apiserver

SECONDS = 4
SCRIPT = by_name(ps_0=Run(None), worker_0=Run(None), worker_1=Run(None))


@contextmanager
def two_operators(
    cluster: Cluster, user: User, folder: Path, *flags: str
) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    """Run a leader and a standby."""
    lease = ("--lease-seconds", str(SECONDS), *flags)
    with operator(cluster.kubeconfig, folder, user.namespace, *lease, name="first") as first:
        first.wait_until_ready()
        with operator(cluster.kubeconfig, folder, user.namespace, *lease, name="second") as second:
            second.wait_for_log("Standing by")
            yield first, second


def holder(user: User) -> str:
    """Return who holds the lease."""
    lease = json.loads(user.kubectl("get", "lease", "trainingjob-operator", "-o", "json"))
    return str(lease["spec"].get("holderIdentity"))


def test_standby_is_ready_and_writes_nothing(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with two_operators(cluster, user, tmp_path) as (first, second):
        assert second.get("/readyz") == (200, "standby\n")
        assert second.get("/healthz") == (200, "standby\n")
        assert (first.metric("trainingjob_is_leader"), second.metric("trainingjob_is_leader")) == (1, 0)
        requests = [
            line for line in second.get("/metrics")[1].splitlines() if "trainingjob_api_requests_total{" in line
        ]
        assert all('resource="leases",verb="get"' in line for line in requests)


def test_killed_leader_is_followed_within_the_leases_time_and_no_pod_is_made_twice(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with (
        FakeKubelet(cluster.kubeconfig, user.namespace, SCRIPT) as kubelet,
        two_operators(cluster, user, tmp_path) as (first, second),
    ):
        user.apply_job("before", **PARAMETER_SERVER)
        user.wait_for_phase("before", "Running")
        user.apply_job("between", **PARAMETER_SERVER)
        first.kill()
        killed = time.monotonic()
        second.wait_for_log("Holding the lease")
        print(f"handed over {time.monotonic() - killed:.1f} s after the kill; the lease lasts {SECONDS} s")
        user.wait_for_phase("between", "Running")
        user.apply_job("after", **PARAMETER_SERVER)
        user.wait_for_phase("after", "Running")
        assert user.status("before")["phase"] == "Running"
        assert Counter(len(uids) for uids in kubelet.seen.values()) == {1: 9}


def test_leader_that_is_asked_to_stop_hands_over_at_once(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with two_operators(cluster, user, tmp_path, "--lease-seconds", "60") as (first, second):
        assert first.stop() == 0
        # The lease itself would last a minute.
        wait_until(lambda: second.metric("trainingjob_is_leader"), lambda leads: leads == 1, 30)
        second.wait_until_ready()


def test_standby_that_is_asked_to_stop_stops(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with two_operators(cluster, user, tmp_path) as (first, second):
        assert second.stop() == 0
        assert first.get("/readyz") == (200, "working\n")


def test_leader_that_slept_too_long_ends_without_another_write(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with ApiProxy(cluster.kubeconfig) as proxy:
        flags = ("--kubeconfig", str(proxy.write_kubeconfig(tmp_path / "kubeconfig")))
        lease = ("--lease-seconds", str(SECONDS))
        with operator(cluster.kubeconfig, tmp_path, user.namespace, *flags, *lease, name="sleeper") as sleeper:
            sleeper.wait_until_ready()
            old = holder(user)
            sleeper.pause(True)
            user.apply_job("mnist", **PARAMETER_SERVER)
            with operator(cluster.kubeconfig, tmp_path, user.namespace, *lease, name="other") as other:
                other.wait_until_ready()
                assert holder(user) != old
                writes = proxy.count
                sleeper.pause(False)
                assert sleeper.wait() == 3
                assert proxy.count == writes
                assert other.get("/readyz") == (200, "working\n")


def test_leader_that_is_cut_off_writes_nothing_and_ends_when_it_hears_of_its_successor(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with ApiProxy(cluster.kubeconfig) as proxy:
        flags = ("--kubeconfig", str(proxy.write_kubeconfig(tmp_path / "kubeconfig")))
        lease = ("--lease-seconds", str(SECONDS))
        with operator(cluster.kubeconfig, tmp_path, user.namespace, *flags, *lease, name="cut-off") as cut_off:
            cut_off.wait_until_ready()
            old = holder(user)
            proxy.cut = True
            wait_until(lambda: cut_off.metric("trainingjob_is_leader"), lambda leads: leads == 0, 60)
            assert holder(user) == old, "it stops before the lease is over"
            assert cut_off.get("/readyz") == (503, "the lease cannot be renewed\n")
            with operator(cluster.kubeconfig, tmp_path, user.namespace, *lease, name="successor") as successor:
                successor.wait_until_ready()
                writes = proxy.count
                proxy.cut = False
                assert cut_off.wait() == 3
                assert proxy.count == writes


def test_second_signal_does_not_break_the_order_of_stopping(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operator(cluster.kubeconfig, tmp_path, user.namespace) as process:
        process.wait_until_ready()
        process.interrupt()
        assert process.stop() == 0
        assert holder(user) in ("", "None")
        assert "Traceback" not in process.text()
