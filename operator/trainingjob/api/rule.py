"""What a rule is: one condition and one sentence, said to the API server in CEL and to the operator in Python."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from trainingjob.api.base import Model, field_names

M = TypeVar("M", bound=Model)
Words = tuple[str | int, ...]

NO_QUANTITY = "%s is no quantity; write one like 2, 500m or 4Gi"


@dataclass(frozen=True, slots=True)
class Rule(Generic[M]):
    """A condition on one part of a job."""

    holds: str
    """The condition in CEL; `self` is the part."""
    broken: Callable[[M], Words | None]
    """The same in Python: None when it holds, else the values for the sentence."""
    sentence: str
    """What is wrong and what would be right, with %s and %d for the values."""
    words: tuple[str, ...] = ()
    """The values for the sentence in CEL."""
    field: str = ""
    """The field of the part that is at fault, such as `overrides.chief`; empty for the part itself."""

    def validation(self) -> dict[str, Any]:
        """Return the rule as it stands in `x-kubernetes-validations`."""
        return validation(self.holds, self.sentence, self.words, self.field)

    def problem(self, part: M) -> tuple[str, str] | None:
        """Return the field at fault and the sentence, or None when the rule holds of the part."""
        values = self.broken(part)
        return None if values is None else (self.field, self.sentence % values)


def validation(holds: str, sentence: str, words: Sequence[str] = (), field: str = "") -> dict[str, Any]:
    """Return an entry of `x-kubernetes-validations`; the server puts the field's path before the sentence."""
    return _entry(holds, {"messageExpression": formatted(sentence, words)} if words else {"message": sentence}, field)


def validation_told_by(holds: str, expression: str, field: str) -> dict[str, Any]:
    """Return an entry of `x-kubernetes-validations` whose sentence is the value of an expression in CEL."""
    return _entry(holds, {"messageExpression": expression}, field)


def _entry(holds: str, said: dict[str, str], field: str) -> dict[str, Any]:
    where = {"fieldPath": f".{field}"} if field else {}
    # With this reason the server does not add `Invalid value: "object"`, which helps nobody.
    return {"rule": holds, **said, **where, "reason": "FieldValueForbidden"}


def formatted(sentence: str, words: Sequence[str]) -> str:
    """Return the CEL expression that puts values into a sentence."""
    return f"{literal(sentence)}.format([{', '.join(words)}])"


def literal(value: str | Sequence[str]) -> str:
    """Return a text or a list of texts as CEL writes it."""
    return json.dumps(value, ensure_ascii=False)


def exactly_one(model: type[M], *choices: str) -> Rule[M]:
    """Return the rule that one of the fields is given and no more; without a choice, one of all optional fields."""
    names = field_names(model)
    optional = [name for name in names if not model.model_fields[names[name]].is_required()]
    return _counted(
        model, choices or optional, "== 1", lambda count: count == 1, "give exactly one of %s; there are %%d"
    )


def at_most_one(model: type[M], *choices: str) -> Rule[M]:
    """Return the rule that no two of the fields are given."""
    return _counted(model, choices, "<= 1", lambda count: count <= 1, "give at most one of %s; there are %%d")


def readable_quantity(given: str, value: str, field: str) -> Rule[Any]:
    """Return a sentence about what is no quantity, for the places where people slip: 8GB.

    The server says besides which pattern it does not match; a rule on every quantity is beyond the budget of older
    servers. The operator needs none: a model with such a value cannot be read.
    """
    holds = f"!({given}) || type({value}) == int || isQuantity({value})"
    return Rule(holds, lambda _part: None, NO_QUANTITY, (value,), field)


def _counted(
    model: type[M], choices: Sequence[str], comparison: str, fits: Callable[[int], bool], sentence: str
) -> Rule[M]:
    names = field_names(model)
    attributes = [names[choice] for choice in choices]
    count = f"[{', '.join(f'has(self.{choice})' for choice in choices)}].filter(given, given).size()"

    def broken(part: M) -> Words | None:
        given = sum(getattr(part, attribute) is not None for attribute in attributes)
        return None if fits(given) else (given,)

    return Rule(f"{count} {comparison}", broken, sentence % ", ".join(choices), (count,))
