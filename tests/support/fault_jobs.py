"""Twenty small jobs of every kind for a run with random faults, and how each is to end."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from devtools.deploy import example_image
from tests.support.node_jobs import SLEEP, Spec, python

SECONDS = 25
WORK = f"import time; time.sleep({SECONDS})"
FAIL = "import sys, time; time.sleep(3); sys.exit('no such data set')"
FAILING_RESTARTS = 1
"""`maxRestarts` of the jobs whose program always fails."""


@dataclass
class FaultJob:
    """A job of the run.

    Attributes:
        pods: how many pods it has.
        expected: the phases in which it may end; a cancel changes them.
        hits: how often something was done to one of its pods, by whose fault it is.
        hit: the uids of those pods.
    """

    name: str
    kind: str
    spec: Spec
    pods: int
    expected: set[str]
    hits: dict[str, int] = field(default_factory=lambda: {"program": 0, "cluster": 0})
    hit: set[str] = field(default_factory=set)


def twenty_jobs(random: Random) -> list[FaultJob]:
    """Return four jobs of each of five kinds in a random order; two of them have a program that always fails."""
    jobs = [_job(kind, number) for kind in _KINDS for number in range(4)]
    for kind in ("multiWorker", "single"):
        job = next(job for job in jobs if job.kind == kind)
        job.spec |= {"command": ["python", "-c", FAIL], "maxRestarts": FAILING_RESTARTS}
        job.expected = {"Failed"}
    random.shuffle(jobs)
    return jobs


def _job(kind: str, number: int) -> FaultJob:
    pods, spec = _KINDS[kind]
    # What is killed by chance must not use up a budget: how often it happens is what is checked.
    spec = {**python(WORK), "maxRestarts": 50, "stopGraceSeconds": 3, **spec}
    return FaultJob(f"{kind.lower()}-{number}", kind, spec, pods, {"Succeeded"})


def _served() -> dict[str, Any]:
    server = {"command": ["python", "-c", SLEEP]}
    return {"parameterServer": {"workers": 2, "servers": 1}, "overrides": {"ps": server}}


_KINDS: dict[str, tuple[int, Spec]] = {
    "single": (1, {}),
    "parameterServer": (3, _served()),
    "multiWorker": (2, {"multiWorker": {"workers": 2}}),
    "mpi": (
        3,
        {
            "image": example_image("mpi-allreduce"),
            "command": ["python", "/app/allreduce.py", "--hosts", "2", "--seconds", str(SECONDS)],
            "mpi": {"nodes": 2},
        },
    ),
    "torchElastic": (
        2,
        {
            "torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 2}},
            "command": ["sh", "-c", f"exec sleep {SECONDS}"],
        },
    ),
}
