"""The name of a job, and the longest of the names that are made of it."""

import re
from typing import Any

from trainingjob.api.constants import DNS_LABEL_MAX, MAX_REPLICAS
from trainingjob.api.guards import guarded
from trainingjob.api.processes import mpi_workers
from trainingjob.api.rule import formatted, literal, validation, validation_told_by
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.tensorboard_rules import tensorboard_name_problems, tensorboard_name_validation

JOB_NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""A DNS-1035 label: the job's Service has the job's name."""

TENSORFLOW = ("parameterServer", "multiWorker")
"""The blocks with workers, and perhaps a chief and an evaluator."""

STRATEGIES = (*TENSORFLOW, "mpi", "torch")
"""The blocks of a spec of which at most one is given."""

_OUTGROWN = 1000
"""The number of workers above which the last one's name is longer than that of `launcher-0`."""

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
    problems += tensorboard_name_problems(name, spec)
    return [f"metadata.name: {problem}" for problem in problems]


def name_validations() -> list[dict[str, Any]]:
    """Return the same as rules on the whole resource."""
    name, length = "self.metadata.name", f"self.metadata.name.size() + {_suffix_length()}"
    words = (f"length - {DNS_LABEL_MAX}", name, *_longest_named_in_cel(), "length")
    # A list of one value and a macro name that value, which the expression would repeat otherwise.
    told = f"[{_worker_count()}].map(workers, [{length}].map(length, {formatted(_TOO_LONG, words)})[0])[0]"
    fits = f"[{_worker_count()}].all(workers, {length} <= {DNS_LABEL_MAX})"
    return [
        _guarded(validation(f"{name}.matches({literal(JOB_NAME_PATTERN)})", _INVALID, (name,), "metadata.name")),
        _guarded(validation_told_by(fits, told, "metadata.name")),
        _guarded(tensorboard_name_validation()),
    ]


def _longest_named(spec: TrainingJobSpec) -> tuple[Role, int]:
    """Return the replica whose pod has the longest name.

    An evaluator's is as long as that of a worker of four digits, a launcher's as that of one of three, and a
    chief's and a server's are always shorter than that of worker 0.
    """
    tensorflow, workers = spec.parameter_server or spec.multi_worker, _workers(spec)
    if tensorflow is not None and tensorflow.evaluator:
        return Role.EVALUATOR, 0
    if tensorflow is None and spec.mpi is not None and workers <= _OUTGROWN:
        return Role.LAUNCHER, 0
    return Role.WORKER, workers - 1


def _workers(spec: TrainingJobSpec) -> int:
    """Return the most workers that a job ever has."""
    tensorflow = spec.parameter_server or spec.multi_worker
    if tensorflow is not None:
        return tensorflow.workers
    if spec.mpi is not None:
        return mpi_workers(spec.mpi)
    if spec.torch is not None:
        return spec.torch.elastic.max_nodes if spec.torch.elastic else spec.torch.nodes
    return 1


def _worker_count() -> str:
    tensorflow = "".join(f"has(self.spec.{block}) ? self.spec.{block}.workers : " for block in TENSORFLOW)
    mpi = "has(self.spec.mpi) ? self.spec.mpi.nodes - (self.spec.mpi.launcherRunsWorker ? 1 : 0) : "
    elastic = "has(self.spec.torch.elastic) ? self.spec.torch.elastic.maxNodes : self.spec.torch.nodes"
    return f"({tensorflow}{mpi}has(self.spec.torch) ? ({elastic}) : 1)"


def _evaluator() -> str:
    """Return in CEL whether an evaluator's name is the longest."""
    asked = " || ".join(f"has(self.spec.{block}) && self.spec.{block}.evaluator" for block in TENSORFLOW)
    return f"({asked})"


def _launcher() -> str:
    """Return in CEL whether a launcher's name is the longest beside that many `workers`."""
    others = " && ".join(f"!has(self.spec.{block})" for block in TENSORFLOW)
    return f"(has(self.spec.mpi) && {others} && workers <= {_OUTGROWN})"


def _longest_named_in_cel() -> tuple[str, str]:
    """Return in CEL the role and the index of the replica whose pod has the longest name."""
    evaluator, launcher, worker = map(literal, (Role.EVALUATOR, Role.LAUNCHER, Role.WORKER))
    role = f"({_evaluator()} ? {evaluator} : {_launcher()} ? {launcher} : {worker})"
    return role, f"({_evaluator()} || {_launcher()} ? 0 : workers - 1)"


def _suffix_length() -> str:
    # `string(index).size()` would say it in fewer words, but the server cannot bound what that costs.
    shortest, longest = len(f"-{Role.WORKER}-0"), len(str(MAX_REPLICAS - 1)) - 1
    steps = "".join(f"workers > {10**more} ? {shortest + more} : " for more in range(longest, 0, -1))
    launcher, evaluator = (len(f"-{role}-0") for role in (Role.LAUNCHER, Role.EVALUATOR))
    return f"({_evaluator()} ? {evaluator} : {_launcher()} ? {launcher} : {steps}{shortest})"


def _guarded(rule: dict[str, Any]) -> dict[str, Any]:
    return guarded(rule, "oldSelf.hasValue() && oldSelf.value().spec == self.spec")
