"""What happens to pods of every kind of job on a real kubelet: who is named, what is charged, what starts anew."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from tests.support.node_jobs import DONE, UNTIL_DONE, Spec, counts, mpi, nodes_of, python, release, torch
from tests.support.node_processes import Key, pod_processes
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.kubelet

EAT = "/tmp/eat"  # noqa: S108 - in a container of its own
# Ends well when it is told to, or when its job has started anew; takes all memory when it is told to.
LOOP = f"""
import os, time
while not os.path.exists({DONE!r}) and os.environ["TRAININGJOB_ATTEMPT"] == "0":
    greed = [0] * (10**9 if os.path.exists({EAT!r}) else 1)
    time.sleep(0.2)
"""
SERVED = {"workers": 2, "servers": 1}
WORKER: Key = ("worker", "1")


@dataclass(frozen=True)
class Kind:
    """A job, the pod that something happens to, and whether only that one starts anew."""

    spec: Spec
    target: Key = WORKER
    alone: bool = False


KINDS = {
    "worker": Kind(python(LOOP, parameterServer=SERVED), alone=True),
    "server": Kind(python(LOOP, parameterServer=SERVED), ("ps", "0")),
    "mpi": Kind(mpi()),
    "torch": Kind(torch()),
}
LIMIT = {"limits": {"memory": "300Mi"}}
GREEDY = {
    "worker": Kind(python(LOOP, parameterServer=SERVED, resources=LIMIT), alone=True),
    "server": Kind(python(LOOP, parameterServer=SERVED, resources=LIMIT), ("ps", "0")),
    "mpi": Kind(mpi(command=["python", "-c", f"from mpi4py import MPI{LOOP}"], resources=LIMIT)),
    "torch": Kind(torch(command=["/usr/bin/python3", "-c", f"import torch{LOOP}"], resources=LIMIT)),
}


def kill(user: User, job: str, kind: Kind) -> None:
    """Kill the container's process, as a bug in a library of its own would."""
    (process,) = (found for found in pod_processes(user.namespace, job) if found.key == kind.target and found.init)
    process.kill()


def delete(user: User, job: str, kind: Kind) -> None:
    """Delete the pod."""
    user.kubectl("delete", "pod", pod_of(job, kind), "--wait=false")


def evict(user: User, job: str, kind: Kind) -> None:
    """Evict the pod."""
    user.evict(pod_of(job, kind))


def eat(user: User, job: str, kind: Kind) -> None:
    """Let the program take more memory than its limit."""
    user.kubectl("exec", pod_of(job, kind), "--", "touch", EAT)


def pod_of(job: str, kind: Kind) -> str:
    """Return the name of the pod that something happens to."""
    return "-".join((job, *kind.target))


def run_all(user: User, kinds: dict[str, Kind]) -> None:
    """Start a job of each kind and wait until all run."""
    for job, kind in kinds.items():
        user.apply_job(job, **kind.spec)
    for job in kinds:
        user.wait_for_phase(job, "Running", seconds=180)


def check(user: User, kinds: dict[str, Kind], charged: tuple[int, int], classes: dict[str, tuple[str, str]]) -> None:
    """Demand that every job is charged so, names the pod and its class, and succeeds in the end.

    Args:
        charged: restarts and disruptions.
        classes: the class and how the name of the pod begins that is told, where it is not the first and the target.
    """
    first = next(iter(classes.values()))[0]
    for job, kind in kinds.items():
        status = wait_until(partial(user.status, job), lambda found: bool(found["restarts"] + found["disruptions"]), 90)
        expected_class, named = classes.get(job, (first, pod_of(job, kind)))
        assert counts(status) == (0 if kind.alone else 1, *charged), (job, status)
        assert named in status["message"], (job, status)
        told = {found["class"] for found in status["failures"] if found["pod"].startswith(named)}
        assert told == {expected_class}, (job, status)
    for job, kind in kinds.items():
        user.wait_for_phase(job, "Running", "Succeeded", seconds=120)
        if kind.alone:
            user.wait_until_pods(job, partial(all_run, f"{job}-worker-0"))
            release(user, f"{job}-worker-0")
        status = user.wait_finished(job, seconds=120)
        assert (status["phase"], counts(status)) == ("Succeeded", (0 if kind.alone else 1, *charged)), (job, status)


def all_run(name: str, pods: dict[str, Object]) -> bool:
    """Say whether this pod is there and every one runs."""
    return name in pods and all(
        pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"] for pod in pods.values()
    )


@pytest.mark.parametrize(
    ("act", "charged", "named"),
    [
        (kill, (1, 0), "AppFailure"),
        (evict, (0, 1), "Disruption"),
        pytest.param(delete, (0, 1), "Disruption", marks=pytest.mark.long),
    ],
)
def test_pod_that_is_hit_is_named_and_the_right_budget_pays(
    user: User, act: Callable[[User, str, Kind], None], charged: tuple[int, int], named: str
) -> None:
    run_all(user, KINDS)
    for job, kind in KINDS.items():
        act(user, job, kind)
    check(user, KINDS, charged, {"": (named, "")})


def test_memory_kill_is_charged_to_the_program(user: User) -> None:
    run_all(user, GREEDY)
    for job, kind in GREEDY.items():
        eat(user, job, kind)
    # The kernel kills the rank, and mpirun tells of it: the worker's own program, sshd, lives on.
    check(user, GREEDY, (1, 0), {"": ("OutOfMemory", ""), "mpi": ("AppFailure", "mpi-launcher-0")})


@pytest.mark.long
def test_drained_node_costs_each_job_one_disruption(user: User, places: tuple[str, str]) -> None:
    stays, drained = places
    here, there = ({"nodeSelector": {"kubernetes.io/hostname": node}} for node in places)
    served = {"parameterServer": {"workers": 1, "servers": 1}}
    kinds = {
        "worker": Kind(python(LOOP, **served, overrides={"worker": there, "ps": here}), ("worker", "0"), alone=True),
        "server": Kind(python(LOOP, **served, overrides={"worker": here, "ps": there}), ("ps", "0")),
        "mpi": Kind(mpi(overrides={"worker": there, "launcher": here}), ("worker", "0")),
        "torch": Kind(torch(**there), ("worker", "0")),
    }
    run_all(user, kinds)
    assert set(nodes_of(user, "mpi").values()) == {stays, drained}
    options = ["--pod-selector=trainingjob.dev/job", "--force", "--ignore-daemonsets", "--delete-emptydir-data"]
    try:
        user.kubectl("drain", drained, *options, "--timeout=60s")
        for job in kinds:
            wait_until(partial(user.status, job), lambda found: found["disruptions"] == 1, 60)
    finally:
        user.kubectl("uncordon", drained)
    # Of two that are evicted at once either may be gone first.
    either = {job: ("Disruption", f"{job}-worker-") for job in ("mpi", "torch")}
    check(user, kinds, (0, 1), {"": ("Disruption", ""), **either})


@pytest.fixture
def important(user: User) -> Iterator[str]:
    """Return the name of a class of priority above that of other jobs."""
    metadata = {"name": user.namespace}
    user.apply({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": 1000})
    yield user.namespace
    user.kubectl("delete", "priorityclass", user.namespace)


def test_one_preemption_costs_one_disruption_and_no_restart(user: User, important: str) -> None:
    """A job of higher priority takes four GPUs of a node on which two jobs of two nodes have two each."""
    rule = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    common = {"gpusPerWorker": 2, "topologySpread": [rule], "maxRestarts": 0}
    user.apply_job("group", **python(LOOP, multiWorker={"workers": 2}, **common))
    command = ["python", "/app/allreduce.py", "--hosts", "2", "--seconds"]
    user.apply_job("ranks", **mpi(command=[*command, "3600"], **common))
    for job in ("group", "ranks"):
        user.wait_for_phase(job, "Running")
    user.apply_job("urgent", **python("import time; time.sleep(8)", gpusPerWorker=4, priorityClassName=important))
    assert user.wait_finished("urgent", seconds=120)["phase"] == "Succeeded"
    for job in ("group", "ranks"):
        status = wait_until(partial(user.status, job), lambda found: found["attempt"] == 1, 60)
        assert counts(status) == (1, 0, 1)
        reasons = {(failure["class"], failure["reason"]) for failure in status["failures"]}
        assert ("Disruption", "PreemptionByScheduler") in reasons, status
        user.wait_for_phase(job, "Running", "Succeeded")
        assert counts(user.status(job)) == (1, 0, 1)
    assert user.wait_finished("group", seconds=60)["phase"] == "Succeeded"


def test_evaluator_that_is_still_writing_its_export_is_waited_for(user: User) -> None:
    """The last export begins when the training has ended, and takes its time."""
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"}}
    room = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}}
    user.apply({**claim, "spec": room})
    shared = {
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
    }
    train = """
import os, time
while not os.path.exists("/models/evaluating"): time.sleep(0.1)
mine = "/models/checkpoint." + os.environ["HOSTNAME"]
open(mine, "w").write("step 100")
os.replace(mine, "/models/checkpoint")
"""
    export = f"""
open("/models/evaluating", "w").close()
{UNTIL_DONE}
open("/models/export", "w").write("model of " + open("/models/checkpoint").read())
"""
    evaluator = {"evaluator": {"command": ["python", "-c", export]}}
    user.apply_job(
        "best", **python(train, multiWorker={"workers": 2, "evaluator": True}, overrides=evaluator, **shared)
    )
    status = user.wait_for_phase("best", "Finalizing", "Succeeded")
    assert (status["phase"], status["reason"]) == ("Finalizing", "WaitingForEvaluator")
    release(user, "best-evaluator-0")
    assert user.wait_finished("best", seconds=60)["phase"] == "Succeeded"
    ended = user.pods("best")["best-evaluator-0"]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 0, json.dumps(ended)
    user.apply_job("reader", **python("print(open('/models/export').read())", **shared))
    assert user.wait_finished("reader", seconds=60)["phase"] == "Succeeded"
    assert user.kubectl("logs", "reader-worker-0").strip() == "model of step 100"
