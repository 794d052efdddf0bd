"""All rules of the resource: for the API server as CEL, for the operator as a check of what is stored."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.environment_rules import ENVIRONMENT_RULES
from trainingjob.api.failure_rules import FAILURE_RULES
from trainingjob.api.gang_rules import GANG_RULES
from trainingjob.api.input_rules import INPUT_RULES
from trainingjob.api.job_rules import JOB_RULES
from trainingjob.api.names import name_problems
from trainingjob.api.output_rules import OUTPUT_RULES
from trainingjob.api.pod_rules import POD_RULES
from trainingjob.api.rule import Rule
from trainingjob.api.source_rules import SOURCE_RULES
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.strategy_rules import STRATEGY_RULES

RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    **POD_RULES,
    **STRATEGY_RULES,
    **FAILURE_RULES,
    **GANG_RULES,
    **SOURCE_RULES,
    **OUTPUT_RULES,
    **INPUT_RULES,
    **ENVIRONMENT_RULES,
    **JOB_RULES,
}


def validations() -> dict[str, list[dict[str, Any]]]:
    """Return what stands in `x-kubernetes-validations`, for the name of each model that has rules."""
    return {model.__name__: [rule.validation() for rule in rules] for model, rules in RULES.items()}


def validate_job(name: str, spec: TrainingJobSpec) -> list[str]:
    """Return what is wrong with a job whose fields have the right form, one sentence each; empty when nothing is.

    These are the rules that the API server checks as well, save that nothing changes; a job that was stored under
    an older schema has been checked against none of the newer ones.
    """
    return [*name_problems(name, spec), *_problems("spec", spec)]


def _problems(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(f"{path}[{index}]", item)
    if isinstance(value, Model):
        yield from _own_problems(path, value)
        for name, attribute in field_names(type(value)).items():
            yield from _problems(f"{path}.{name}", getattr(value, attribute))


def _own_problems(path: str, part: Model) -> Iterator[str]:
    for rule in RULES.get(type(part), ()):
        found = rule.problem(part)
        if found is not None:
            field, sentence = found
            yield f"{path}.{field}: {sentence}" if field else f"{path}: {sentence}"
