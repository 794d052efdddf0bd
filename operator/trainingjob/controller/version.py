"""The version of the running operator."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("trainingjob-operator")
    except PackageNotFoundError:
        return "unpackaged"


VERSION: Final = _installed()
"""The distribution's version; `unpackaged` when the code runs from a checkout."""
