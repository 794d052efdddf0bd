"""What may change in a stored job, said to the API server in one rule.

One rule looks once at the whole spec and is done when nothing has changed, as when the operator writes a status. A
rule for every field would look at all of them at every write.
"""

from collections.abc import Iterator
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.job_rules import MUTABLE, MUTABLE_WHILE_SUSPENDED, REPLICAS
from trainingjob.api.process_strategies import Mpi, Torch
from trainingjob.api.rule import formatted, literal, validation, validation_told_by
from trainingjob.api.spec import MultiWorker, ParameterServer, TrainingJobSpec
from trainingjob.api.status import Phase

KEPT = "%s cannot change once the job exists; create the job under a new name"
KEPT_UNLESS_SUSPENDED = f"%s can change only while the job is suspended and its phase is {Phase.SUSPENDED}"
CANCELLED = "a cancelled job stays cancelled; create the job under a new name"

_STRATEGIES: dict[str, type[Model]] = {
    "parameterServer": ParameterServer,
    "multiWorker": MultiWorker,
    "mpi": Mpi,
    "torch": Torch,
}
_SUSPENDED = f"was.suspend && oldSelf.?status.?phase.orValue('') == {literal(Phase.SUSPENDED)}"


def change_validations() -> list[dict[str, Any]]:
    """Return the rule on the whole resource that keeps a spec as it was, but for what may change."""
    kept, unless_suspended = list(_kept()), list(_kept_unless_suspended())
    same = f"{_all(kept)} && ({_SUSPENDED} || {_all(unless_suspended)})"
    changed = f"{_first(kept)}.map(name, {formatted(KEPT, ['name'])})"
    moved = f"{_first(unless_suspended)}.map(name, {formatted(KEPT_UNLESS_SUSPENDED, ['name'])})"
    told = _with_specs("map", f"({changed} + {moved})[0]") + "[0][0]"
    rule = f"self.spec == oldSelf.spec || {_with_specs('all', same)}"
    return [validation_told_by(rule, told, "spec")]


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


def _kept_unless_suspended() -> Iterator[tuple[str, str]]:
    for name in field_names(TrainingJobSpec):
        if name in MUTABLE_WHILE_SUSPENDED:
            yield name, _same(name)
        for inner in REPLICAS.get(name, ()):
            path, same = f"{name}.{inner}", _same(f"{name}.?{inner}")
            if name == "torch":
                yield f"{path} without torch.elastic", f"(has(now.torch) && has(now.torch.elastic) || {same})"
            else:
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
