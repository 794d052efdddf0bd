"""Sums of Kubernetes' quantities, such as 500m, 2 and 4Gi.

`kubernetes.utils.quantity.parse_quantity` reads them as well, but a plan imports no client of the API: import-linter
checks that.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Final

_BINARY: Final = {suffix: Decimal(1024**power) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL: Final = {
    suffix: Decimal(10) ** power
    for suffix, power in {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}.items()
}


def parse_quantity(text: str | int) -> Decimal:
    """Return what a quantity amounts to; the text is one that the resource's schema has let pass."""
    words = str(text)
    for suffixes in (_BINARY, _DECIMAL):
        for suffix, factor in suffixes.items():
            if words.endswith(suffix):
                return Decimal(words.removesuffix(suffix)) * factor
    return Decimal(words)


def add_quantities(amounts: Iterable[str | int]) -> str:
    """Return the sum as Kubernetes reads it: a whole number, in thousandths where it is none."""
    total = sum((parse_quantity(amount) for amount in amounts), Decimal(0))
    if total == total.to_integral_value():
        return str(int(total))
    # Kubernetes itself rounds up what is finer than a thousandth of a CPU.
    return f"{(total * 1000).to_integral_value(ROUND_CEILING)}m"
