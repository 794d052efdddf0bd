"""The simulator is not trusted blindly: every bug that was planted has to be found, within a bounded number of runs."""

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.hunt import MOST, hunt


@pytest.mark.parametrize("name", BUGS)
def test_planted_bug_is_found(name: str) -> None:
    found = hunt(BUGS[name])
    assert found is not None, f"{MOST} schedules do not show the bug {name}"


def test_sound_code_passes_where_bugs_are_looked_for() -> None:
    bases = {(name, bug.acts) for bug in BUGS.values() for name in bug.scopes}
    assert len(BUGS) >= 25
    assert len(bases) >= 15
