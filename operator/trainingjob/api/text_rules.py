"""Rules on the form of texts: addresses and paths."""

import re
from typing import Any, Final

from trainingjob.api.base import Model, field_names
from trainingjob.api.rule import Rule, Words, literal

OUTSIDE_PATTERN: Final = r"^/|^\.\.$|^\.\./|/\.\./|/\.\.$"
"""A path that begins at the root, or has `..` among its folders."""

FOLDER_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
"""A folder below another one, in characters that every store and every shell takes as they are."""


def fits(field: str, pattern: str, sentence: str) -> Rule[Any]:
    """Return the rule that a text, where it is given, matches a pattern; the sentence names it with %s."""

    def broken(part: Model) -> Words | None:
        text = _text(part, field)
        return None if text is None or re.search(pattern, text) else (text,)

    holds = f"!has(self.{field}) || self.{field}.matches({literal(pattern)})"
    return Rule(holds, broken, sentence, (f"self.{field}",), field=field)


def all_fit(field: str, pattern: str, sentence: str) -> Rule[Any]:
    """Return the rule that all texts of a list match a pattern; the sentence names the first that does not."""
    matches = f"item.matches({literal(pattern)})"

    def broken(part: Model) -> Words | None:
        texts = getattr(part, field_names(type(part))[field]) or ()
        return next(((text,) for text in texts if not re.search(pattern, text)), None)

    return Rule(
        f"!has(self.{field}) || self.{field}.all(item, {matches})",
        broken,
        sentence,
        (f"self.{field}.filter(item, !{matches})[0]",),
        field=field,
    )


def inside(field: str, whole: str) -> Rule[Any]:
    """Return the rule that a path stays within something, such as the claim."""

    def broken(part: Model) -> Words | None:
        text = _text(part, field)
        return (text,) if text is not None and re.search(OUTSIDE_PATTERN, text) else None

    return Rule(
        f"!has(self.{field}) || !self.{field}.matches({literal(OUTSIDE_PATTERN)})",
        broken,
        f"%s leaves {whole}; it must not begin with / or contain ..",
        (f"self.{field}",),
        field=field,
    )


def _text(part: Model, field: str) -> str | None:
    value: str | None = getattr(part, field_names(type(part))[field])
    return value
