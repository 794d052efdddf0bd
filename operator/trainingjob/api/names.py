"""The name of a job, and the longest of the names that are made of it."""

import re
from typing import Any

from trainingjob.api.constants import DNS_LABEL_MAX, MAX_REPLICAS
from trainingjob.api.guards import guarded
from trainingjob.api.rule import literal, validation
from trainingjob.api.spec import Role, TrainingJobSpec

JOB_NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""A DNS-1035 label: the job's Service has the job's name."""

STRATEGIES = ("parameterServer", "multiWorker")
"""The blocks of a spec of which at most one is given; each has workers and perhaps an evaluator."""

_INVALID = "%s cannot be a host name; begin with a letter and use only small letters, digits and '-', the last not '-'"
_TOO_LONG = (
    "the name is too long by %d: its pod %s-%s-%d would have %d characters, "
    f"and a host name has at most {DNS_LABEL_MAX}"
)


def name_problems(name: str, spec: TrainingJobSpec) -> list[str]:
    """Return what is wrong with a job's name, one sentence each."""
    problems = []
    if not re.fullmatch(JOB_NAME_PATTERN, name):
        problems.append(_INVALID % name)
    role, index = _longest_named(spec)
    length = len(f"{name}-{role}-{index}")
    if length > DNS_LABEL_MAX:
        problems.append(_TOO_LONG % (length - DNS_LABEL_MAX, name, role, index, length))
    return [f"metadata.name: {problem}" for problem in problems]


def name_validations() -> list[dict[str, Any]]:
    """Return the same as rules on the whole resource."""
    name = "self.metadata.name"
    role = f"({_evaluator_asked_for()} ? {literal(Role.EVALUATOR)} : {literal(Role.WORKER)})"
    index = f"({_evaluator_asked_for()} ? 0 : {_worker_count()} - 1)"
    length = f"({name}.size() + {_suffix_length()})"
    return [
        _guarded(f"{name}.matches({literal(JOB_NAME_PATTERN)})", _INVALID, name),
        _guarded(f"{length} <= {DNS_LABEL_MAX}", _TOO_LONG, f"{length} - {DNS_LABEL_MAX}", name, role, index, length),
    ]


def _longest_named(spec: TrainingJobSpec) -> tuple[Role, int]:
    """Return the replica whose pod has the longest name.

    An evaluator's is as long as that of a worker of four digits, and a chief's and a server's are always shorter
    than that of worker 0.
    """
    strategy = spec.parameter_server or spec.multi_worker
    if strategy is None:
        return Role.WORKER, 0
    return (Role.EVALUATOR, 0) if strategy.evaluator else (Role.WORKER, strategy.workers - 1)


def _worker_count() -> str:
    counts = "".join(f"has(self.spec.{block}) ? self.spec.{block}.workers : " for block in STRATEGIES)
    return f"({counts}1)"


def _evaluator_asked_for() -> str:
    asked = " || ".join(f"has(self.spec.{block}) && self.spec.{block}.evaluator" for block in STRATEGIES)
    return f"({asked})"


def _suffix_length() -> str:
    # `string(index).size()` would say it in fewer words, but the server cannot bound what that costs.
    workers, shortest = _worker_count(), len(f"-{Role.WORKER}-0")
    longest = len(str(MAX_REPLICAS - 1)) - 1
    steps = "".join(f"{workers} > {10**more} ? {shortest + more} : " for more in range(longest, 0, -1))
    return f"({_evaluator_asked_for()} ? {len(f'-{Role.EVALUATOR}-0')} : {steps}{shortest})"


def _guarded(holds: str, sentence: str, *words: str) -> dict[str, Any]:
    rule = validation(holds, sentence, words, "metadata.name")
    return guarded(rule, "oldSelf.hasValue() && oldSelf.value().spec == self.spec")
