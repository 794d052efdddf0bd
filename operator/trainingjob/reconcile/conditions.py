"""Conditions as kstatus and `kubectl wait` read them; a transition time changes only with the status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trainingjob.api.status import Condition, ConditionType
from trainingjob.api.times import format_time

MESSAGE_MAX = 2000
"""Characters of a message in the status: a thousand refused pods must not make it large."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition as it should be, before it is known when it became so."""

    type: ConditionType
    holds: bool
    reason: str
    message: str = ""
    always: bool = False
    """Whether it is said even where it does not hold and nobody has said before that it does."""


def update_conditions(
    stored: Sequence[Condition] | None, claims: Sequence[Claim], generation: int, now: datetime
) -> list[Condition]:
    """Return the conditions after the claims; what is claimed false and was never there is left out as a rule.

    Conditions that nobody claims are kept: a newer operator may have written them.
    """
    known = {condition.type: condition for condition in stored or []}
    for claim in claims:
        before = known.get(claim.type)
        if before is None and not (claim.holds or claim.always):
            continue
        known[claim.type] = _condition(claim, before, generation, now)
    return list(known.values())


def _condition(claim: Claim, before: Condition | None, generation: int, now: datetime) -> Condition:
    status = "True" if claim.holds else "False"
    same = before is not None and before.status == status
    return Condition.model_validate(
        {
            "type": str(claim.type),
            "status": status,
            "reason": claim.reason,
            "message": claim.message[:MESSAGE_MAX],
            "last_transition_time": before.last_transition_time if before and same else format_time(now),
            "observed_generation": generation,
        }
    )
