"""What may change in a stored job, said to the API server in one rule.

One rule looks once at the whole spec and is done when nothing has changed, as when the operator writes a status. A
rule for every field would look at all of them at every write.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.job_rules import MUTABLE, MUTABLE_WHILE_SUSPENDED, REPLICAS
from trainingjob.api.process_strategies import Mpi, Torch
from trainingjob.api.rule import formatted, literal, validation, validation_told_by
from trainingjob.api.spec import MultiWorker, ParameterServer, TrainingJobSpec
from trainingjob.api.status import Phase
from trainingjob.api.tensorboard_rules import tensorboard_change_validation

KEPT = "%s cannot change once the job exists; create the job under a new name"
KEPT_UNLESS_SUSPENDED = f"%s can change only while the job is suspended and its phase is {Phase.SUSPENDED}"
COUNTED = (
    f"{KEPT_UNLESS_SUSPENDED}: %s; set suspend: true, wait for the phase {Phase.SUSPENDED}, change it, and set "
    "suspend: false"
)
TOLD_ONCE: Mapping[str, str] = {
    "parameterServer": "the running processes were told in TF_CONFIG who the others are, and do not look again",
    "multiWorker": "the running processes were told in TF_CONFIG who the others are, and do not look again",
    "mpi": "mpirun was told at its start which nodes there are, and does not look again",
    "torch": "the running processes were told WORLD_SIZE at their start, and take others in only with torch.elastic",
}
"""Why the number of replicas of a strategy cannot change while they run."""

CANCELLED = "a cancelled job stays cancelled; create the job under a new name"

_STRATEGIES: dict[str, type[Model]] = {
    "parameterServer": ParameterServer,
    "multiWorker": MultiWorker,
    "mpi": Mpi,
    "torch": Torch,
}
_SUSPENDED = f"was.suspend && oldSelf.?status.?phase.orValue('') == {literal(Phase.SUSPENDED)}"


def change_validations() -> list[dict[str, Any]]:
    """Return the rules on the whole resource that keep a spec as it was, but for what may change."""
    kept, placed, counts = list(_kept()), list(_placed()), list(_counts())
    same = f"{_all(kept)} && ({_SUSPENDED} || {_all([*placed, *counts])})"
    changed = f"{_first(kept)}.map(name, {formatted(KEPT, ['name'])})"
    moved = f"{_first(placed)}.map(name, {formatted(KEPT_UNLESS_SUSPENDED, ['name'])})"
    resized = f"{_reasons(counts)}.map(told, {literal(COUNTED)}.format(told))"
    told = _with_specs("map", f"({changed} + {moved} + {resized})[0]") + "[0][0]"
    rule = f"self.spec == oldSelf.spec || {_with_specs('all', same)}"
    return [validation_told_by(rule, told, "spec"), tensorboard_change_validation()]


def cancel_validation() -> dict[str, Any]:
    """Return the rule on a spec that its job stays cancelled."""
    return validation("self.cancel || !oldSelf.cancel", CANCELLED, field="cancel")


def _with_specs(macro: str, expression: str) -> str:
    """Return an expression in which `now` and `was` name the specs that are written and stored."""
    return f"[self.spec].{macro}(now, [oldSelf.spec].{macro}(was, {expression}))"


def _kept() -> Iterator[tuple[str, str]]:
    """Yield the name of each field that never changes, with the condition in CEL that it has not."""
    for name in field_names(TrainingJobSpec):
        if name in _STRATEGIES:
            yield name, f"has(now.{name}) == has(was.{name})"
            for inner in field_names(_STRATEGIES[name]):
                if inner not in REPLICAS[name]:
                    yield f"{name}.{inner}", _same(f"{name}.?{inner}")
        elif name not in MUTABLE | MUTABLE_WHILE_SUSPENDED:
            yield name, _same(name)
    # What another scheduler would need to know, such as a PodGroup to be deleted, is known to this one alone.
    yield "gang.scheduler", _same("gang.?scheduler")


def _placed() -> Iterator[tuple[str, str]]:
    """Yield the name of each field that places the pods, with the same."""
    for name in field_names(TrainingJobSpec):
        if name in MUTABLE_WHILE_SUSPENDED:
            yield name, _same(name)


def _counts() -> Iterator[tuple[str, str]]:
    """Yield the name of each count of replicas, with the same."""
    for strategy, names in REPLICAS.items():
        for inner in names:
            path, same = f"{strategy}.{inner}", _same(f"{strategy}.?{inner}")
            if strategy == "torch":
                path, same = f"{path} without torch.elastic", f"(has(now.torch) && has(now.torch.elastic) || {same})"
            yield path, same


def _same(path: str) -> str:
    # Within lists, because the server cannot bound what it costs to compare optional values themselves.
    return f"[now.?{path}] == [was.?{path}]"


def _all(conditions: list[tuple[str, str]]) -> str:
    return " && ".join(condition for _, condition in conditions)


def _first(conditions: list[tuple[str, str]]) -> str:
    """Return in CEL the names whose condition does not hold."""
    names = ", ".join(f"{condition} ? '' : {literal(name)}" for name, condition in conditions)
    return f"[{names}].filter(name, name != '')"


def _reasons(conditions: list[tuple[str, str]]) -> str:
    """Return in CEL the names of the counts whose condition does not hold, each with its reason."""
    pairs = ((condition, [name, TOLD_ONCE[name.partition(".")[0]]]) for name, condition in conditions)
    named = ", ".join(f"{condition} ? [''] : {literal(pair)}" for condition, pair in pairs)
    return f"[{named}].filter(told, told[0] != '')"
