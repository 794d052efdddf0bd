"""The operator dies at every write of a run and is started again: the ends are the same, and no pod is made twice."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.fake_kubelet import FakeKubelet, Run
from tests.support.operating import IMAGE
from tests.support.operator_forks import Forks, forks, kill, runs
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

JOBS: dict[str, dict[str, Any]] = {
    "good": {"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}},
    "bad": {"image": IMAGE, "multiWorker": {"workers": 2}, "cleanPodPolicy": "All"},
    "single": {"image": IMAGE},
}


def play(pod: Object) -> Run:
    """Say what becomes of a pod: whoever decides waits for its peers, so that only the operator's death differs."""
    name = pod["metadata"]["name"]
    job, run, rest = name.split("-", 2)
    peers = tuple(f"{job}-{run}-{peer}" for peer in ("worker-0", "worker-1", "ps-0"))
    runs = {
        "good-ps-0": Run(None),
        "good-worker-0": Run(0, peers=peers, after=peers[1:2]),
        "good-worker-1": Run(0, seconds=0.0),
        "bad-worker-0": Run(None),
        "bad-worker-1": Run(7, seconds=0.5, peers=peers[:1], message="boom"),
        "single-worker-0": Run(0, seconds=0.5),
    }
    return runs[f"{job}-{rest}"]


@dataclass
class Arena:
    """Where runs of the three jobs take place, one after another."""

    user: User
    kubelet: FakeKubelet
    proxy: ApiProxy
    forks: Forks
    folder: Path
    runs: int = 0
    pid: int = 0

    def start(self) -> None:
        """Start an operator; the identity of its lease is that of the last one, as in a restarted container."""
        flags = {
            "--kubeconfig": str(self.folder / "kubeconfig"),
            "--namespace": self.user.namespace,
            "--lease-namespace": self.user.namespace,
            "--lease-identity": "the-pod",
            "--health-host": "127.0.0.1",
            "--health-port": "0",
            "--status-interval": "0",
        }
        words = [word for pair in flags.items() for word in pair]
        self.pid = self.forks.start(words, self.folder / f"operator-{self.runs}.log")

    def run(self, strike_at: int = 0, moment: str = "") -> dict[str, Any]:
        """Run the three jobs to their ends; the operator dies at one write and is started again. Return the ends."""
        self.runs += 1
        names = {job: f"{job}-{self.runs}" for job in JOBS}
        self.proxy.count = 0
        self.proxy.writes.clear()
        self.proxy.strike = lambda number, when: (number, when) == (strike_at, moment) and self._die()
        self.user.apply(
            *(
                {
                    "apiVersion": "trainingjob.dev/v1",
                    "kind": "TrainingJob",
                    "metadata": {"name": names[job]},
                    "spec": spec,
                }
                for job, spec in JOBS.items()
            )
        )
        self.start()
        try:
            ends = wait_until(lambda: self._ends(names), self._all_over, 120)
        finally:
            kill(self.pid)
        self.user.kubectl("delete", "tjob", "--all", "--wait=false")
        return ends

    def _die(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return True

    def _ends(self, names: dict[str, str]) -> dict[str, Any]:
        if not runs(self.pid):
            self.start()
        items = json.loads(self.user.kubectl("get", "tjob,pods", "-o", "json"))["items"]
        return {job: _end(name, items) for job, name in names.items()}

    @staticmethod
    def _all_over(ends: dict[str, Any]) -> bool:
        return all(end["finished"] == "True" and not end["live"] for end in ends.values())


def _end(name: str, items: list[Object]) -> dict[str, Any]:
    """Return what must not depend on when the operator died."""
    job = next(item for item in items if item["kind"] == "TrainingJob" and item["metadata"]["name"] == name)
    status = job.get("status", {})
    pods = [item for item in items if item["metadata"].get("labels", {}).get("trainingjob.dev/job") == name]
    run = name.rsplit("-", 1)[1]
    return {
        "phase": status.get("phase"),
        "reason": status.get("reason"),
        "finished": next((c["status"] for c in status.get("conditions", []) if c["type"] == "Finished"), ""),
        "failures": [(f["pod"].replace(f"-{run}-", "-"), f["exitCode"]) for f in status.get("failures", [])],
        "ready": status.get("ready"),
        "restarts": status.get("restarts"),
        "pods": sorted(pod["metadata"]["name"].replace(f"-{run}-", "-") for pod in pods),
        "live": [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]]
        + [role for role, counts in status.get("replicas", {}).items() if counts["active"]],
    }


def assert_nothing_was_made_twice(arena: Arena) -> None:
    """Check the answers of the API server and what the kubelet has seen."""
    created = Counter(write.created for write in arena.proxy.writes if write.created)
    assert [name for name, count in created.items() if count > 1] == []
    assert {name: uids for name, uids in arena.kubelet.seen.items() if len(uids) > 1} == {}


@contextmanager
def arena(cluster: Cluster, user: User, folder: Path) -> Iterator[Arena]:
    """Return a place for runs."""
    with (
        FakeKubelet(cluster.kubeconfig, user.namespace, play) as kubelet,
        ApiProxy(cluster.kubeconfig) as proxy,
        forks() as starter,
    ):
        proxy.write_kubeconfig(folder / "kubeconfig")
        yield Arena(user, kubelet, proxy, starter, folder)


@pytest.mark.parametrize("moments", [("before", "after"), pytest.param(("after", "before"), marks=pytest.mark.long)])
def test_death_at_any_write_changes_neither_ends_nor_pods(
    cluster: Cluster, user: User, tmp_path: Path, moments: tuple[str, str]
) -> None:
    with arena(cluster, user, tmp_path) as at:
        undisturbed = at.run()
        writes = at.proxy.count
        assert writes >= 6 + 6 + 3, "six pods, three Services and each job's start, run and end"
        print(f"{writes} writes without a death")
        for number in range(1, writes + 1):
            moment = moments[number % 2]
            ends = at.run(number, moment)
            assert ends == undisturbed, f"died {moment} write {number}"
            assert_nothing_was_made_twice(at)
