"""The ways in which a pod can end that a cluster on one machine can be brought to: what is made, what is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.node_jobs import PLAIN, SLEEP

Manifest = dict[str, Any]
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
OWN_CODE = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); {SLEEP}"
TOO_MUCH = "x = [0] * 10**9"
SPEND = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', '{TOO_MUCH}']).returncode != 0)"
FILL = f"open('/home/trainingjob/full', 'wb').write(bytes(50_000_000)); {SLEEP}"
BOUND = "is bound to a node past the scheduler, whose kubelet"


@dataclass(frozen=True)
class Case:
    """A pod that meets its end by itself, or by what `capture` does to it.

    Attributes:
        done: what happens to the pod, in a sentence that its file keeps.
        change: what is different from the pod of a job that sleeps.
        bound: whether the pod goes to a node without the scheduler.
    """

    name: str
    done: str
    change: Callable[[Manifest], object] = lambda _: None
    bound: bool = False


def runs(program: str) -> Callable[[Manifest], object]:
    """Let `main` run another Python program."""
    return lambda pod: main_of(pod).update(command=["python", "-c", program])


def main_of(pod: Manifest) -> Manifest:
    """Return the container `main` of a manifest."""
    found: Manifest = pod["spec"]["containers"][0]
    return found


def limited(program: str, **limits: str) -> Callable[[Manifest], object]:
    """Let `main` run a Python program within limits."""
    return lambda pod: main_of(pod).update(command=["python", "-c", program], resources={"limits": limits})


def main_has(**fields: Any) -> Callable[[Manifest], object]:
    """Give `main` other fields."""
    return lambda pod: main_of(pod).update(fields)


def pod_has(**fields: Any) -> Callable[[Manifest], object]:
    """Give the pod other fields."""
    return lambda pod: pod["spec"].update(fields)


def prepares(**fields: Any) -> Callable[[Manifest], object]:
    """Put an init container before `main`."""
    container = {"name": "prepare", "image": PLAIN, "imagePullPolicy": "IfNotPresent", **fields}
    return lambda pod: pod["spec"].update(initContainers=[container])


def with_small_home(pod: Manifest) -> None:
    """Let the program fill a volume that may hold little."""
    runs(FILL)(pod)
    (home,) = (volume for volume in pod["spec"]["volumes"] if volume["name"] == "trainingjob-home")
    home["emptyDir"] = {"sizeLimit": "1Mi"}


def asks(**amounts: str) -> Callable[[Manifest], object]:
    """Let `main` ask for resources."""
    return main_has(resources={"requests": amounts, "limits": {k: v for k, v in amounts.items() if "/" in k}})


def signalled(name: str) -> Callable[[Manifest], object]:
    """Let the program send itself a signal."""
    return runs(f"import os, signal, time; os.kill(os.getpid(), signal.{name}); time.sleep(60)")


BY_THEMSELVES = (
    Case("exit-0", "the program ends with exit code 0", runs("print('trained')")),
    Case("exit-3", "the program ends with exit code 3", runs("import sys; print('no data'); sys.exit(3)")),
    Case("signal-kill", "the program is killed by SIGKILL and nobody says why", signalled("SIGKILL")),
    Case("signal-term", "the program gets SIGTERM from somewhere", signalled("SIGTERM")),
    Case("signal-segv", "the program is ended by SIGSEGV", signalled("SIGSEGV")),
    Case("signal-abrt", "the program aborts", signalled("SIGABRT")),
    Case("memory", "the program takes more memory than its limit", limited(TOO_MUCH, memory="64Mi")),
    Case("memory-of-a-child", "a child of the program takes more than the limit", limited(SPEND, memory="64Mi")),
    Case("deadline-of-the-pod", "the pod has its own activeDeadlineSeconds", pod_has(activeDeadlineSeconds=3)),
    Case("volume-overfull", "the program writes more into a volume than its sizeLimit", with_small_home),
    Case("init-exit-78", "an init container fails", prepares(command=["sh", "-c", "echo no sshd; exit 78"])),
    Case(
        "init-memory",
        "an init container takes more memory than its limit",
        prepares(command=["python", "-c", TOO_MUCH], resources={"limits": {"memory": "64Mi"}}),
    ),
    Case("init-no-command", "the command of an init container does not exist", prepares(command=["no-such-program"])),
    Case("no-command", "the command does not exist", main_has(command=["no-such-program"])),
    Case(
        "no-image",
        "the image is not on the node and may not be pulled",
        main_has(image="a/b:c", imagePullPolicy="Never"),
    ),
    Case(
        "no-registry",
        "the image's registry does not answer",
        main_has(image="127.0.0.1:1/no/such:image", imagePullPolicy="Always"),
    ),
    Case(
        "no-settings",
        "a ConfigMap of the environment is missing",
        main_has(envFrom=[{"configMapRef": {"name": "missing-settings"}}]),
    ),
    Case("out-of-cpu", f"{BOUND} has less processors", asks(cpu="1000"), bound=True),
    Case("out-of-memory", f"{BOUND} has less memory", asks(memory="100Ti"), bound=True),
    Case("out-of-gpus", f"{BOUND} has less GPUs", asks(**{"nvidia.com/gpu": "64"}), bound=True),
    Case("node-affinity", f"{BOUND} has not the label", pod_has(nodeSelector={"disk": "marble"}), bound=True),
    Case(
        "sysctl",
        f"{BOUND} allows not that sysctl",
        pod_has(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        bound=True,
    ),
)
ACTED_UPON = {
    case.name: case
    for case in (
        Case("deleted", "somebody deletes the pod"),
        Case("deleted-stubborn", "somebody deletes a pod that ignores SIGTERM", runs(STUBBORN)),
        Case("deleted-own-code", "somebody deletes a pod that ends with a code of its own", runs(OWN_CODE)),
        Case("evicted", "the pod is evicted through the API, as by a drain"),
        Case("evicted-own-code", "an evicted program ends with a code of its own", runs(OWN_CODE)),
        Case("preempted", "a pod of higher priority takes its GPUs", asks(**{"nvidia.com/gpu": "4"})),
        Case("tainted", "its node gets a taint NoExecute that it does not tolerate"),
        Case("refused-tainted", f"{BOUND} has a taint NoExecute", bound=True),
        Case("critical", "its kubelet makes room for a critical pod", asks(cpu="1500m")),
        Case("power-cut", "its node loses power and is back before anybody misses it"),
        Case("node-silent", "its node does not answer any more"),
        Case("node-out-of-service", "its silent node is tainted as out of service"),
        Case("node-removed", "its silent node is removed", pod_has(tolerations=[{"operator": "Exists"}])),
    )
}
