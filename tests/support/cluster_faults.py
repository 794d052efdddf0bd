"""Random faults on a cluster with two nodes: each does its harm, and what it has broken is mended later."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from devtools.cluster import Cluster
from devtools.deploy import NAMESPACE
from tests.support.fault_jobs import FaultJob
from tests.support.node_processes import pod_processes
from tests.support.user import RefusedError, User
from trainingjob.api.constants import LABEL_JOB, LABEL_ROLE

NODES = ("node-1", "node-2")
DRAIN = [f"--pod-selector={LABEL_JOB}", "--force", "--delete-emptydir-data", "--timeout=15s"]
CANCELS = 2
SHORT, LONG = (10.0, 25.0), (70.0, 100.0)
"""How long a kubelet is silent: so that nobody misses it, and so that its pods are given up."""


@dataclass
class Faults:
    """What can be done to jobs, pods, nodes and the operator.

    Attributes:
        done: how often each kind of fault was done.
    """

    cluster: Cluster
    user: User
    random: Random
    jobs: dict[str, FaultJob]
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    _repairs: list[tuple[float, str, Callable[[], object]]] = field(default_factory=list)

    def do_one(self) -> str:
        """Do a fault that is possible at the moment and return what it was; empty when it had no target."""
        kinds, weights = zip(*_WEIGHTS.items(), strict=True)
        (kind,) = self.random.choices(kinds, weights)
        # What it was meant for may just have ended.
        with suppress(RefusedError):
            if what := kind(self):
                self.done[kind.__name__.removeprefix("_")] += 1
                return f"{kind.__name__.removeprefix('_')} {what}"
        return ""

    def repair(self, *, everything: bool = False) -> list[str]:
        """Mend what has been broken for long enough, or everything, and return what it was."""
        due = [found for found in self._repairs if everything or found[0] <= time.monotonic()]
        self._repairs = [found for found in self._repairs if found not in due]
        for _, _, mend in due:
            mend()
        return [what for _, what, _ in due]

    def _later(self, seconds: tuple[float, float], what: str, mend: Callable[[], object]) -> None:
        self._repairs.append((time.monotonic() + self.random.uniform(*seconds), what, mend))

    def _broken(self, *whats: str) -> bool:
        return any(what.split()[0] in whats for _, what, _ in self._repairs)

    def _broken_node(self, node: str) -> bool:
        return any(what == f"kubelet of {node}" for _, what, _ in self._repairs)

    def _live_pods(self) -> list[dict[str, Any]]:
        """Return the pods that run and are not ending, in an order that depends on nothing else."""
        found = self.user.all_pods()
        live = [pod for pod in found if pod["status"].get("phase") == "Running" and _undisturbed(pod)]
        return sorted(live, key=lambda pod: str(pod["metadata"]["name"]))

    def _a_pod(self) -> dict[str, Any] | None:
        pods = self._live_pods()
        return self.random.choice(pods) if pods else None

    def _hit(self, pod: dict[str, Any], whose: str = "cluster") -> str:
        """Note that something is done to a pod, before it is done, and return the pod's name."""
        job = self.jobs[pod["metadata"]["labels"][LABEL_JOB]]
        job.hits[whose] += 1
        job.hit.add(pod["metadata"]["uid"])
        return str(pod["metadata"]["name"])


def _undisturbed(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def _serves_a_launcher(pod: dict[str, Any]) -> bool:
    labels = pod["metadata"]["labels"]
    return bool(labels[LABEL_ROLE] == "worker" and labels[LABEL_JOB].startswith("mpi-"))


def _delete(faults: Faults) -> str:
    if (pod := faults._a_pod()) is None:
        return ""
    name = faults._hit(pod)
    faults.user.kubectl("delete", "pod", name, "--wait=false")
    return name


def _force_delete(faults: Faults) -> str:
    if (pod := faults._a_pod()) is None:
        return ""
    name = faults._hit(pod)
    if _serves_a_launcher(pod) and faults._broken_node(pod["spec"]["nodeName"]):
        # Nobody stops its program, and a launcher that has reached it fails when somebody does; docs/failures.md.
        faults._hit(pod, "program")
    faults.user.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")
    return name


def _evict(faults: Faults) -> str:
    if (pod := faults._a_pod()) is None:
        return ""
    name = faults._hit(pod)
    faults.user.evict(name)
    return name


def _kill_process(faults: Faults) -> str:
    found = sorted(
        (process for process in pod_processes(faults.user.namespace) if process.init), key=lambda p: (p.job, p.key)
    )
    if not found:
        return ""
    process = faults.random.choice(found)
    faults.jobs[process.job].hits["program"] += 1
    process.kill()
    return f"{process.job} {'-'.join(process.key)}"


def _drain(faults: Faults) -> str:
    if faults._broken("kubelet", "cordon"):
        return ""
    node = faults.random.choice(NODES)
    # Drained are also pods that have ended: while the operator is away, nobody has noted what they came to.
    for pod in faults.user.all_pods():
        if pod["spec"].get("nodeName") == node:
            faults._hit(pod)
    faults._later((5.0, 15.0), f"cordon {node}", lambda: faults.user.kubectl("uncordon", node))
    # A pod that was made meanwhile is not evicted: it was not made on this node.
    faults.user.kubectl("drain", node, *DRAIN)
    return node


def _silence(faults: Faults, seconds: tuple[float, float]) -> str:
    if faults._broken("kubelet", "cordon"):
        return ""
    node = faults.random.choice(NODES)
    kubelet = node.replace("node", "kubelet")
    for pod in faults._live_pods() if seconds == LONG else ():
        faults._hit(pod)
    faults.cluster.kill(kubelet)
    faults._later(seconds, f"kubelet of {node}", lambda: faults.cluster.start(kubelet))
    return node


def _stop_kubelet_briefly(faults: Faults) -> str:
    return _silence(faults, SHORT)


def _stop_kubelet_until_pods_are_given_up(faults: Faults) -> str:
    return _silence(faults, LONG)


def _kill_operator(faults: Faults) -> str:
    pods = faults.user.kubectl("get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.name}").split()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            variables = (entry / "environ").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if any(f"HOSTNAME={pod}".encode() in variables for pod in pods):
                os.kill(int(entry.name), signal.SIGKILL)
                return f"pid {entry.name}"
    return ""


def _suspend(faults: Faults) -> str:
    names = [name for name, phase in faults.user.phases().items() if phase in ("Pending", "Running", "Restarting")]
    if not names:
        return ""
    name = faults.random.choice(sorted(names))
    faults.user.change_job(name, suspend=True)
    faults._later((5.0, 20.0), f"suspended {name}", lambda: faults.user.change_job(name, suspend=False))
    return name


def _cancel(faults: Faults) -> str:
    names = [name for name, phase in faults.user.phases().items() if phase in ("Running", "Restarting", "Suspended")]
    if not names or faults.done["cancel"] >= CANCELS:
        return ""
    name = faults.random.choice(sorted(names))
    faults.user.change_job(name, cancel=True)
    # It may have ended while it was being cancelled.
    faults.jobs[name].expected.add("Cancelled")
    return name


_WEIGHTS: dict[Callable[[Faults], str], int] = {
    _delete: 4,
    _force_delete: 3,
    _evict: 4,
    _kill_process: 5,
    _drain: 2,
    _stop_kubelet_briefly: 2,
    _stop_kubelet_until_pods_are_given_up: 1,
    _kill_operator: 2,
    _suspend: 3,
    _cancel: 1,
}
