"""Sets of replica indexes as short text: `0,2-5`."""

from collections.abc import Iterable
from itertools import pairwise


def format_indexes(indexes: Iterable[int]) -> str:
    """Write a set of indexes as ranges, ascending and without repetition; empty for none."""
    ordered = sorted(set(indexes))
    if not ordered:
        return ""
    starts = [ordered[0], *(high for low, high in pairwise(ordered) if high != low + 1)]
    ends = [*(low for low, high in pairwise(ordered) if high != low + 1), ordered[-1]]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def parse_indexes(text: str) -> frozenset[int]:
    """Read what `format_indexes` wrote; text that it cannot have written is skipped, part by part."""
    result: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not last):
            result.update(range(int(first), int(last or first) + 1))
    return frozenset(result)
