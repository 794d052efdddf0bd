"""Look for a bug that was planted: a bounded, fixed list of schedules, until one of them fails."""

from contextlib import closing
from typing import Final

from tests.simulation.branches import Branches
from tests.simulation.bugs import Bug
from tests.simulation.explore import problems_of, single_faults
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule
from tests.simulation.simulation import play

MOST: Final = 1000
"""After so many schedules a bug counts as not found."""


def hunt(bug: Bug) -> tuple[int, Schedule, tuple[str, ...]] | None:
    """Return how many schedules it took to find a bug, the one that shows it, and what is wrong; None without."""
    bases = [Schedule(name, acts) for name in bug.scopes for acts in dict.fromkeys(((), bug.acts))]
    # What is right is known from the code without the bug.
    sound = Memo()
    with sound.installed():
        references = [play(base, sound) for base in bases]
    played = 0
    with bug.planted():
        memo = Memo()
        with memo.installed():
            for base, reference in zip(bases, references, strict=True):
                with closing(Branches(base, memo)) as branches:
                    for schedule in (base, *single_faults(reference)):
                        run = branches.play(schedule) if schedule.faults else branches.trunk
                        played += 1
                        if problems := problems_of(run, reference):
                            return played, schedule, problems
                        if played >= MOST:
                            return None
    return None
