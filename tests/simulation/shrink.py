"""Make a failing schedule small: leave out whatever it fails without."""

from collections.abc import Callable

from tests.simulation.explore import problems_of
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule
from tests.simulation.simulation import play


def problems(schedule: Schedule, memo: Memo) -> tuple[str, ...]:
    """Return what is wrong with a schedule, also against the same one without its faults; `memo` is installed."""
    reference = play(schedule.steady, memo) if schedule.steady != schedule else None
    return problems_of(play(schedule, memo), reference)


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """Return a schedule that fails as well and of which no incident can be left out."""
    again = True
    while again:
        again = False
        for index in range(len(schedule.incidents)):
            smaller = schedule._replace(incidents=schedule.incidents[:index] + schedule.incidents[index + 1 :])
            if fails(smaller):
                schedule, again = smaller, True
                break
    return schedule
