"""Record what Kubernetes writes into the status of a pod for each way in which it can end.

`PYTHONPATH=operator:scripts:. python -m tests.kubelet.capture CLUSTER` makes pods as the operator makes them on a
cluster with two nodes, does to them what the cases say, and writes tests/data/pod_statuses/. The cluster needs the
image of examples/sklearn-digits, and loses one of its nodes for some minutes: the one on which no operator runs.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from devtools.cluster import Cluster
from devtools.deploy import NAMESPACE
from tests.kubelet.capture_cases import ACTED_UPON, BY_THEMSELVES, Case, Manifest, asks
from tests.support.node_jobs import PLAIN, SLEEP
from tests.support.pod_watch import PodWatch, watch_pods
from tests.support.pods import pod_of
from tests.support.recorded_pods import Recording, telling
from tests.support.user import RefusedError, User, wait_until

TAINT = "trainingjob.dev/test-taint"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
PRIORITY = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "capture"}}


@dataclass(frozen=True)
class Stage:
    """Where the cases are played."""

    cluster: Cluster
    user: User
    watch: PodWatch
    node: str

    @contextmanager
    def tainted(self, key: str) -> Iterator[None]:
        """Give the node a taint for a while."""
        self.user.kubectl("taint", "nodes", self.node, f"{key}=yes:NoExecute")
        try:
            yield
        finally:
            # The node may be gone, and the taint with it.
            with suppress(RefusedError):
                self.user.kubectl("taint", "nodes", self.node, f"{key}-")

    def make(self, *cases: Case) -> None:
        """Make the pods of cases."""
        self.user.apply(*(self.manifest(case) for case in cases))

    def manifest(self, case: Case) -> Manifest:
        """Return the pod of a case: a job's own, but for what ties it to a job."""
        command = ["python", "-c", SLEEP]
        pod = pod_of(image=PLAIN, imagePullPolicy="IfNotPresent", command=command, stopGraceSeconds=3)
        pod["metadata"] = {"name": case.name}
        selector = {"nodeSelector": {"kubernetes.io/hostname": self.node}}
        pod["spec"] |= {"nodeName": self.node} if case.bound else selector
        case.change(pod)
        return pod

    def run(self, *cases: Case) -> None:
        """Make the pods of cases and wait until they run."""
        self.make(*cases)
        for case in cases:
            self.watch.wait_for(case.name, lambda pod: pod["status"].get("phase") == "Running")

    def keep(self, cases: Iterable[Case]) -> None:
        """Write down what was seen of the pods."""
        for case in cases:
            seen = telling(self.watch.versions(case.name))
            if not seen:
                raise ValueError(f"nothing was seen of {case.name}")
            Recording(case.name, self.cluster.kubernetes, case.done, seen).write()
            print(case.name, [found["status"].get("reason") or found["status"]["phase"] for found in seen], flush=True)

    def wait_gone(self, *names: str, seconds: float = 180) -> None:
        """Wait until pods were removed."""
        wait_until(lambda: [name for name in names if not self.watch.gone(name)], lambda left: not left, seconds)


def ends_by_themselves(stage: Stage) -> None:
    """Play the cases that need no help."""
    stage.make(*BY_THEMSELVES)
    for case in BY_THEMSELVES:
        stage.watch.wait_for(case.name, lambda pod: bool(telling([pod])), 180)
    # What waits for its image says so in two ways, one after the other.
    stage.watch.wait_for("no-registry", lambda pod: "ImagePullBackOff" in str(pod["status"]), 120)
    stage.keep(BY_THEMSELVES)


def deletes(stage: Stage) -> None:
    """Play the cases of pods that are deleted or evicted."""
    names = ("deleted", "deleted-stubborn", "deleted-own-code", "evicted", "evicted-own-code")
    cases = [ACTED_UPON[name] for name in names]
    stage.run(*cases)
    for name in names:
        if name.startswith("deleted"):
            stage.user.kubectl("delete", "pod", name, "--wait=false")
        else:
            stage.user.evict(name)
    stage.wait_gone(*names)
    stage.keep(cases)


def taints(stage: Stage) -> None:
    """Play the cases of a node with a taint."""
    gone, refused = ACTED_UPON["tainted"], ACTED_UPON["refused-tainted"]
    stage.run(gone)
    with stage.tainted(TAINT):
        stage.wait_gone(gone.name)
        stage.make(refused)
        stage.watch.wait_for(refused.name, lambda pod: bool(telling([pod])))
    stage.keep([gone, refused])


def preemption(stage: Stage) -> None:
    """Play the case of a pod whose GPUs another takes."""
    case = ACTED_UPON["preempted"]
    stage.run(case)
    stage.user.apply({**PRIORITY, "value": 1000})
    rival = stage.manifest(Case("rival", "", asks(**{"nvidia.com/gpu": "4"})))
    rival["spec"]["priorityClassName"] = "capture"
    stage.user.apply(rival)
    stage.wait_gone(case.name)
    stage.user.kubectl("delete", "pod", "rival", "--wait=false")
    stage.user.kubectl("delete", "priorityclass", "capture")
    stage.keep([case])


def critical(stage: Stage) -> None:
    """Play the case of a kubelet that makes room for a pod that the cluster cannot do without."""
    case = ACTED_UPON["critical"]
    stage.run(case)
    rival = stage.manifest(Case("rival", "", asks(cpu="1500m"), bound=True))
    rival["metadata"] = {"name": "capture-critical", "namespace": "kube-system"}
    rival["spec"]["priorityClassName"] = "system-node-critical"
    User(stage.user.environment, "kube-system").apply(rival)
    try:
        stage.watch.wait_for(case.name, lambda pod: pod["status"].get("phase") == "Failed")
    finally:
        stage.user.kubectl("delete", "pod", "-n", "kube-system", "capture-critical", "--wait=false")
    stage.keep([case])


def power_cut(stage: Stage) -> None:
    """Play the case of a node that starts anew within seconds."""
    case = ACTED_UPON["power-cut"]
    stage.run(case)
    stage.cluster.kill(stage.node)
    stage.cluster.start(stage.node)
    stage.watch.wait_for(case.name, lambda pod: bool(telling([pod])), 180)
    stage.keep([case])


def lost_node(stage: Stage) -> None:
    """Play the cases of a node whose kubelet is silent for minutes."""
    cases = [ACTED_UPON[name] for name in ("node-silent", "node-out-of-service", "node-removed")]
    stage.run(*cases)
    kubelet = stage.node.replace("node", "kubelet")
    stage.cluster.kill(kubelet)
    try:
        for name in ("node-silent", "node-out-of-service"):
            stage.watch.wait_for(name, lambda pod: "deletionTimestamp" in pod["metadata"], 600)
        stage.keep(cases[:1])
        with stage.tainted(OUT_OF_SERVICE):
            stage.wait_gone("node-out-of-service", seconds=240)
            stage.user.kubectl("delete", "node", stage.node)
            stage.wait_gone("node-removed", seconds=240)
        stage.keep(cases[1:])
    finally:
        stage.cluster.start(kubelet)


PLAYS: tuple[Callable[[Stage], None], ...] = (
    *(ends_by_themselves, deletes, taints, preemption, critical, power_cut),
    lost_node,
)


def free_node(user: User) -> str:
    """Return a node on which no operator runs."""
    taken = user.kubectl("get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].spec.nodeName}").split()
    return next(node for node in ("node-2", "node-1") if node not in taken)


def main(arguments: list[str]) -> int:
    """Play everything, or the plays that are named, and return 0."""
    cluster, wanted = Cluster.load(arguments[0]), arguments[1:]
    user = User(cluster.full_environment(), f"capture-{uuid4().hex[:8]}")
    user.kubectl("create", "namespace", user.namespace)
    try:
        with TemporaryDirectory() as folder, watch_pods(user, Path(folder)) as watch:
            for play in PLAYS:
                if not wanted or play.__name__ in wanted:
                    play(Stage(cluster, user, watch, free_node(user)))
    finally:
        user.kubectl("delete", "namespace", user.namespace, "--wait=false")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
