"""Jobs whose failure policy contradicts itself or their strategy, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.strategy_jobs import elastic, mpi, policy

_ALONE = (
    "RestartReplica fits no job with mpi, multiWorker, or torch without elastic, whose others fail when one replica is "
    "lost, nor a gang of kueue, in which no pod can be replaced alone; use RestartJob"
)
_ONE = "give exactly one of onExitCodes, onPodConditions, onReason; there are %d"
_ABSENT = "this job has no %s; leave it out of the roles"
_RULE = "spec.failurePolicy.rules[0]"


def _of_roles(*roles: str) -> dict[str, Any]:
    return policy("FailJob", onReason=["Evicted"], roles=[*roles])


_RULES = [
    Refused("a rule without a condition", _RULE, _ONE % 0, policy("FailJob"), in_atomic_list=True),
    Refused(
        "a rule with two conditions",
        _RULE,
        _ONE % 2,
        policy("FailJob", onReason=["Evicted"], onExitCodes={"operator": "In", "values": [1]}),
        in_atomic_list=True,
    ),
    Refused(
        "a condition on exit codes that gives none",
        f"{_RULE}.onExitCodes",
        "give values, ranges or both; there is neither",
        policy("FailJob", onExitCodes={"operator": "In"}),
        in_atomic_list=True,
    ),
    Refused(
        "a range the wrong way round",
        f"{_RULE}.onExitCodes.ranges[0].from",
        "128 is more than to, which is 1; choose no more than that",
        policy("FailJob", onExitCodes={"operator": "In", "ranges": [{"from": 128, "to": 1}]}),
        in_atomic_list=True,
    ),
]

_TOGETHER: tuple[dict[str, Any], ...] = (mpi(), {"multiWorker": {}}, {"torch": {"nodes": 2}})

_ABSENT_ROLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ps", {"multiWorker": {}}),
    ("chief", {"parameterServer": {"chief": False}}),
    ("evaluator", {"multiWorker": {"chief": True}}),
    ("launcher", elastic(1, 2)),
    ("launcher", {}),
)

_STRATEGIES = [
    *(
        Refused(
            f"a replica that restarts alone in a job with {' and '.join(strategy)}",
            "spec.failurePolicy",
            _ALONE,
            {**strategy, **policy("RestartReplica", onReason=["Evicted"])},
        )
        for strategy in _TOGETHER
    ),
    *(
        Refused(
            f"a rule for a {role} in a job with {' and '.join(strategy) or 'one pod'}",
            "spec.failurePolicy",
            _ABSENT % role,
            {**strategy, **_of_roles("worker", role)},
        )
        for role, strategy in _ABSENT_ROLES
    ),
    Refused(
        "a replica that restarts alone in a gang of Kueue",
        "spec.failurePolicy",
        _ALONE,
        {
            "parameterServer": {"workers": 2},
            "gang": {"scheduler": "kueue", "queue": "gpu"},
            **policy("RestartReplica", onReason=["Evicted"]),
        },
    ),
    Refused(
        "a rule for the workers of a job whose launcher runs the only node",
        "spec.failurePolicy",
        _ABSENT % "worker",
        {**mpi(nodes=1, launcherRunsWorker=True), **_of_roles("launcher", "worker")},
    ),
]

REFUSED_POLICIES = [*_RULES, *_STRATEGIES]
