"""What all tests share."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# Machines are noisy: no test fails because one of them is slow.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return what prints a figure into the output of the test run, also when the test passes."""

    def print_uncaptured(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", file=sys.stderr, flush=True)

    return print_uncaptured
