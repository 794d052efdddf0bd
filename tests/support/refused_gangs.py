"""Jobs whose gang contradicts itself or has more members than the job has pods, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.strategy_jobs import elastic, mpi

_ELASTIC = (
    "kueue keeps the name of a pod until its whole group has ended, so that an elastic job could replace none; choose "
    "another scheduler, or leave torch.elastic out"
)
_QUEUE = "kueue needs a queue, volcano may have one, the others have none"
_KUEUE = "kueue admits all pods or none, with a timeout of its own; leave minAvailable and timeoutSeconds out"
_TOO_MANY = "%d is more than the %d pods that compute; an evaluator, and a launcher that runs no worker, do not count"


def _gang(**gang: Any) -> dict[str, Any]:
    return {"gang": gang}


def _least(count: int) -> dict[str, Any]:
    return _gang(scheduler="volcano", minAvailable=count)


REFUSED_GANGS = [
    Refused("a gang of Kueue without a queue", "spec.gang.queue", _QUEUE, _gang(scheduler="kueue")),
    Refused(
        "a queue of a scheduler that has none", "spec.gang.queue", _QUEUE, _gang(scheduler="coscheduling", queue="gpu")
    ),
    Refused("a queue without a scheduler", "spec.gang.queue", _QUEUE, _gang(queue="gpu", timeoutSeconds=60)),
    Refused("a part of a gang of Kueue", "spec.gang", _KUEUE, _gang(scheduler="kueue", queue="gpu", minAvailable=1)),
    Refused(
        "a timeout for Kueue, which has its own",
        "spec.gang",
        _KUEUE,
        _gang(scheduler="kueue", queue="gpu", timeoutSeconds=60),
    ),
    Refused(
        "an elastic group in a gang of Kueue",
        "spec.gang.scheduler",
        _ELASTIC,
        {**elastic(1, 2, nodes=2), **_gang(scheduler="kueue", queue="gpu")},
    ),
    Refused(
        "a number of pods that nobody waits for",
        "spec.gang.minAvailable",
        "nobody waits for these pods without timeoutSeconds; give it",
        _gang(minAvailable=1),
    ),
    Refused("two members of one pod", "spec.gang.minAvailable", _TOO_MANY % (2, 1), _least(2)),
    Refused(
        "more members than servers, workers and chief",
        "spec.gang.minAvailable",
        _TOO_MANY % (6, 5),
        {"parameterServer": {"workers": 2, "servers": 2, "chief": True, "evaluator": True}, **_least(6)},
    ),
    Refused(
        "more members than workers and chief",
        "spec.gang.minAvailable",
        _TOO_MANY % (4, 3),
        {"multiWorker": {"workers": 2, "chief": True, "evaluator": True}, **_least(4)},
    ),
    Refused(
        "more members than nodes of an MPI job, whose launcher only waits",
        "spec.gang.minAvailable",
        _TOO_MANY % (5, 4),
        {**mpi(nodes=4), **_least(5)},
    ),
    Refused(
        "more members than nodes of a PyTorch job",
        "spec.gang.minAvailable",
        _TOO_MANY % (4, 3),
        {**elastic(1, 8, nodes=3), **_least(4)},
    ),
]
