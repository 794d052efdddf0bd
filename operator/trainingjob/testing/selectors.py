"""Label selectors, as `a,!b,c=d,e!=f`."""

from collections.abc import Callable, Mapping
from functools import lru_cache

Selects = Callable[[Mapping[str, str]], bool]


@lru_cache(maxsize=256)
def selects(selector: str) -> Selects | None:
    """Return the test of an object's labels that a selector stands for; None for the empty one, which takes all."""
    tests = [_requirement(part.strip()) for part in selector.split(",") if part.strip()]
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Selects:
    if "!=" in text:
        name, _, value = text.partition("!=")
        return lambda labels: labels.get(name) != value
    if "=" in text:
        name, _, value = text.replace("==", "=").partition("=")
        return lambda labels: labels.get(name) == value
    if text.startswith("!"):
        return lambda labels: text[1:] not in labels
    return lambda labels: text in labels
