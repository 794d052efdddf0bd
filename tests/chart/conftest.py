"""What the tests of the chart share: the values files that stand for different installations."""

import pytest

from tests.chart.installations import NAMES, load
from tests.support.helm import Manifest


@pytest.fixture(params=NAMES)
def installation(request: pytest.FixtureRequest) -> Manifest:
    """Return the values of one installation, each in turn."""
    return load(request.param)
