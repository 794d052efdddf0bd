"""What all tests share."""

from collections.abc import Callable

import pytest


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return what prints a figure into the output of the test run, also when the test passes."""

    def print_uncaptured(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", flush=True)

    return print_uncaptured
