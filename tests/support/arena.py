"""Where jobs run again and again while the operator dies at one write of each run."""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.fake_kubelet import FakeKubelet, Script
from tests.support.operator_forks import Forks, forks, kill, runs
from tests.support.user import Object, User, wait_until

End = dict[str, Any]


@dataclass
class Arena:
    """A namespace in which runs of the same jobs take place, one after another, each under names of its own."""

    user: User
    kubelet: FakeKubelet
    proxy: ApiProxy
    forks: Forks
    folder: Path
    jobs: Mapping[str, Mapping[str, Any]]
    """The specs by the names of the jobs; a run adds its number to a name."""
    runs: int = 0
    pid: int = 0
    _names: dict[str, str] = field(default_factory=dict)

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

    def run(self, strike_at: int = 0, moment: str = "") -> dict[str, End]:
        """Run the jobs to their ends; the operator dies at one write and is started again. Return the ends."""
        self.runs += 1
        self._names = {job: f"{job}-{self.runs}" for job in self.jobs}
        self.proxy.count = 0
        self.proxy.writes.clear()
        self.proxy.strike = lambda number, when: (number, when) == (strike_at, moment) and self._die()
        self.user.apply(*(_manifest(self._names[job], spec) for job, spec in self.jobs.items()))
        self.start()
        try:
            ends = wait_until(self._ends, _all_over, 120, pause=0.6)
        finally:
            kill(self.pid)
        self.user.kubectl("delete", "tjob", "--all", "--wait=false")
        return ends

    def created(self) -> Counter[str]:
        """Return how often each object was created in the last run, by its name without what the run has added."""
        paths = (write.created.split("/") for write in self.proxy.writes if write.created)
        return Counter(self._plain("/".join(path[-2:])) for path in paths)

    def played(self) -> dict[str, int]:
        """Return how many pods of each name the kubelet has seen in the last run."""
        names = tuple(f"{name}-" for name in self._names.values())
        return {self._plain(pod): len(uids) for pod, uids in self.kubelet.seen.items() if pod.startswith(names)}

    def _die(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return True

    def _ends(self) -> dict[str, End]:
        if not runs(self.pid):
            self.start()
        items = json.loads(self.user.kubectl("get", "tjob,pods", "-o", "json"))["items"]
        return {job: self._end(name, items) for job, name in self._names.items()}

    def _end(self, name: str, items: list[Object]) -> End:
        """Return what must not depend on when the operator died."""
        job = next(item for item in items if item["kind"] == "TrainingJob" and item["metadata"]["name"] == name)
        status = job.get("status", {})
        pods = [item for item in items if item["metadata"].get("labels", {}).get("trainingjob.dev/job") == name]
        failures = [
            (self._plain(f["pod"]), f["attempt"], f.get("exitCode"), f["class"]) for f in status.get("failures", [])
        ]
        return {
            **{word: status.get(word) for word in ("phase", "reason", "ready", "attempt", "restarts", "disruptions")},
            "finished": next((c["status"] for c in status.get("conditions", []) if c["type"] == "Finished"), ""),
            "failures": sorted(failures),
            "pods": sorted((self._plain(pod["metadata"]["name"]), _attempt(pod)) for pod in pods),
            "live": [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]]
            + [role for role, counts in status.get("replicas", {}).items() if counts["active"]],
        }

    def _plain(self, name: str) -> str:
        """Return the name of a child without the number of the run and the job's uid."""
        jobs = "|".join(self.jobs)
        return re.sub(rf"\b({jobs})-{self.runs}(-[0-9a-f]{{8}}(?=-))?", r"\1", name)


def _manifest(name: str, spec: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": "trainingjob.dev/v1",
        "kind": "TrainingJob",
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def _attempt(pod: Object) -> str:
    return str(pod["metadata"]["labels"]["trainingjob.dev/attempt"])


def _all_over(ends: Mapping[str, End]) -> bool:
    return all(end["finished"] == "True" and not end["live"] for end in ends.values())


@contextmanager
def arena(
    cluster: Cluster, user: User, folder: Path, jobs: Mapping[str, Mapping[str, Any]], script: Callable[[], Script]
) -> Iterator[Arena]:
    """Return a place for runs of these jobs, whose pods are played by what `script` returns."""
    folder.mkdir(exist_ok=True)
    with (
        FakeKubelet(cluster.kubeconfig, user.namespace, script()) as kubelet,
        ApiProxy(cluster.kubeconfig) as proxy,
        forks() as starter,
    ):
        proxy.write_kubeconfig(folder / "kubeconfig")
        yield Arena(user, kubelet, proxy, starter, folder, jobs)
