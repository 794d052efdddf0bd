"""The small worlds that schedules are played in: one job each, what its programs do, and what else is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FOREVER: Final = (None, 0)
Program = tuple[int | None, int]
"""Seconds until the program ends, None for never, and its exit code."""


@dataclass(frozen=True)
class Scope:
    """One job and its surroundings."""

    name: str
    spec: Mapping[str, Any]
    programs: Mapping[str, tuple[Program, ...]] = field(default_factory=dict)
    """Replica → what its first pod does, its second, …; the last stands for all further ones."""
    default: Program = (20, 0)
    """What the pods do that are not named."""
    start_seconds: Mapping[str, int] = field(default_factory=dict)
    """Replica → seconds until its program begins; 1 where it is not named."""
    tells_end: bool = True
    """Whether a pod that is deleted shows its program's end before it goes."""
    stop_seconds: int = 1
    """How long a program takes to end after SIGTERM."""
    sidecar: bool = False
    """Whether something injects a container beside the program that never ends."""
    foreign: tuple[tuple[str, str, float], ...] = ()
    """Objects of others with names that the job wants: plural, name, seconds until they go (0: never)."""
    quota_seconds: float = 0.0
    """For how long from the beginning a quota allows no pods."""
    watch_seconds: float = 0.005
    """How late the watches are; an answer to a request takes 0.01 s, so they can come before it or after it."""
    calm: bool = False
    """Whether no program fails by itself, and none ends within twelve seconds of the start or another's end."""
    outcome: str = "Succeeded"
    """The phase that the job ends in when nobody interferes, faults or not; empty for a job that is left alone."""
    upload_seconds: int | None = 3
    """How long a sidecar uploads after the program's end, where a pod has one; None for one that never ends."""
    report: str | None = None
    """What it says then; None for what is right."""
    bystander: bool = False
    """Whether a second, ordinary job lives in the same namespace."""

    def program(self, replica: str, nth: int) -> Program:
        """Return what the n-th pod of a replica does, from 0."""
        found = self.programs.get(replica)
        return found[min(nth, len(found) - 1)] if found else self.default


JOB: Final = "mnist"
BOARD: Final = f"{JOB}-tensorboard"
IMAGE: Final = "registry.example.com/mnist:1.0"

_PS = {"parameterServer": {"workers": 1, "servers": 1}}
_EVALUATOR = {"parameterServer": {"workers": 1, "servers": 1, "chief": True, "evaluator": True}}
_GROUP = {"multiWorker": {"workers": 2}}
_MPI = {"mpi": {"nodes": 1}, "command": ["train"]}
_ELASTIC = {
    "torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 3}},
    "command": ["python", "train.py"],
}

_KEEPS: dict[str, Any] = {
    "outputs": {"uri": "s3://bucket/runs", "flushSeconds": 20},
    "workingDir": "/app",
    "stopGraceSeconds": 10,
}

_SHOWS: dict[str, Any] = {**_KEEPS, "tensorboard": {"ttlSeconds": 40}}

_ALL: Final = (
    Scope("one", {}, calm=True),
    Scope("one-fails-once", {}, {"worker-0": ((5, 1), (20, 0))}),
    Scope("one-fails-for-ever", {"maxRestarts": 1}, {"worker-0": ((5, 1),)}, outcome="Failed", watch_seconds=0.03),
    Scope("one-no-restarts", {"maxRestarts": 0, "cleanPodPolicy": "All"}, {"worker-0": ((5, 1),)}, outcome="Failed"),
    Scope("one-deadline", {"activeDeadlineSeconds": 30}, {"worker-0": (FOREVER,)}, outcome="Failed"),
    Scope("one-pending-deadline", {"pendingDeadlineSeconds": 30}, start_seconds={"worker-0": 4000}, outcome="Failed"),
    Scope("one-retires", {"ttlSecondsAfterFinished": 60, "podTTLSeconds": 20}, outcome=""),
    Scope("one-quota", {}, quota_seconds=30.0, watch_seconds=0.03),
    Scope("one-suspended", {"suspend": True}, outcome="Suspended"),
    Scope("one-foreign", {"managedBy": "example.com/other"}, outcome=""),
    Scope("one-sidecar", {}, {"worker-0": ((5, 3), (20, 0))}, sidecar=True),
    Scope("one-name-taken", {}, foreign=(("pods", "mnist-worker-0", 40.0),)),
    Scope("one-service-taken", {}, foreign=(("services", "mnist", 40.0),)),
    Scope("one-name-taken-hidden", {}, foreign=(("pods", "mnist-worker-0", 0.0),), outcome="Pending"),
    Scope(
        "one-slow-end",
        {"stopGraceSeconds": 20},
        {"worker-0": (FOREVER,)},
        stop_seconds=30,
        tells_end=False,
        calm=True,
        outcome="Running",
    ),
    Scope(
        "one-ignores",
        {
            "failurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [9]}}]},
            "maxRestarts": 0,
        },
        {"worker-0": ((5, 9), (20, 0))},
    ),
    Scope("servers", _PS, {"ps-0": (FOREVER,)}, calm=True, watch_seconds=0.03),
    Scope(
        "servers-keep-pods",
        {**_PS, "cleanPodPolicy": "None", "activeDeadlineSeconds": 25},
        {"ps-0": (FOREVER,), "worker-0": (FOREVER,)},
        outcome="Failed",
    ),
    Scope("servers-worker-fails", _PS, {"ps-0": (FOREVER,), "worker-0": ((5, 1), (7, 2), (20, 0))}),
    Scope("servers-server-fails", _PS, {"ps-0": ((6, 1), FOREVER)}),
    Scope("servers-fail", {**_PS, "maxRestarts": 0}, {"ps-0": (FOREVER,), "worker-0": ((5, 1),)}, outcome="Failed"),
    Scope(
        "evaluator",
        {**_EVALUATOR, "evaluatorGraceSeconds": 15},
        {"ps-0": (FOREVER,), "evaluator-0": ((30, 0),)},
        watch_seconds=0.03,
    ),
    Scope(
        "evaluator-fails",
        {**_EVALUATOR, "evaluatorGraceSeconds": 15, "maxRestarts": 1},
        {"ps-0": (FOREVER,), "evaluator-0": ((4, 1), (40, 0)), "chief-0": ((30, 0),)},
    ),
    Scope(
        "evaluator-for-ever",
        {**_EVALUATOR, "evaluatorGraceSeconds": 15},
        {"ps-0": (FOREVER,), "evaluator-0": (FOREVER,)},
    ),
    Scope("evaluator-never-well", {**_EVALUATOR, "maxRestarts": 0}, {"ps-0": (FOREVER,), "evaluator-0": ((4, 1),)}),
    Scope("group", {**_GROUP, "successPolicy": "AllWorkers"}, {"worker-1": ((40, 0),)}, calm=True),
    Scope(
        "group-fails-together",
        _GROUP,
        {"worker-0": ((7, 1), (20, 0)), "worker-1": ((6, 3), (20, 0))},
        watch_seconds=0.03,
    ),
    Scope("group-slow-start", _GROUP, start_seconds={"worker-1": 30}),
    Scope("mpi", _MPI, {"worker-0": (FOREVER,)}, calm=True, watch_seconds=0.03),
    Scope("mpi-launcher-fails", _MPI, {"worker-0": (FOREVER,), "launcher-0": ((8, 1), (20, 0))}),
    Scope("elastic", _ELASTIC, {"worker-0": ((60, 0),), "worker-1": ((40, 0),)}, calm=True),
    Scope("keeps", _KEEPS, calm=True),
    Scope(
        "keeps-all-fails",
        {
            **_GROUP,
            **_KEEPS,
            "outputs": {**_KEEPS["outputs"], "replicas": "All"},
            "maxRestarts": 0,
        },
        {"worker-0": (FOREVER,), "worker-1": ((5, 1),)},
        report="Whose words are these?",
        outcome="Failed",
    ),
    Scope(
        "keeps-required-hangs",
        {**_MPI, **_KEEPS, "outputs": {**_KEEPS["outputs"], "required": True}},
        {"worker-0": (FOREVER,)},
        upload_seconds=None,
        outcome="Failed",
        watch_seconds=0.03,
    ),
    Scope("shows", _SHOWS, calm=True),
    Scope("shows-fails", {**_SHOWS, "maxRestarts": 1}, {"worker-0": ((5, 1), (8, 1))}, outcome="Failed"),
    Scope("shows-name-taken", {**_SHOWS, "maxRestarts": 1}, foreign=(("services", BOARD, 12.0),), watch_seconds=0.03),
    Scope("shows-name-taken-for-ever", _SHOWS, foreign=(("services", BOARD, 0.0),)),
    Scope(
        "shows-of-a-claim",
        {**_SHOWS, "outputs": {"pvc": {"claimName": "runs"}, "flushSeconds": 5}, "maxRestarts": 1},
        {"worker-0": ((10, 1), (20, 0))},
    ),
    Scope("shows-later", {**_SHOWS, "tensorboard": {"enabled": False, "ttlSeconds": 0}}, {"worker-0": ((60, 0),)}),
    Scope("two-jobs", {}, {"worker-0": ((5, 1), (20, 0))}, bystander=True, watch_seconds=0.03),
)
SCOPES: Final[Mapping[str, Scope]] = {scope.name: scope for scope in _ALL}
