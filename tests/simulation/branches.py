"""What a schedule with faults has in common with the one without them is played once for all of them."""

from typing import Final

from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule
from tests.simulation.simulation import Course, Run
from tests.simulation.snapshot import Snapshot

_BEGINNING: Final = 0


class Branches:
    """A run without faults, the trunk, from which the runs of the same schedule with faults branch off.

    Until its first fault a run is the trunk, step by step. So the world is taken back to how it was on the trunk when
    the operator was last at work on nothing before it sent the request that the fault is to meet, and goes on from
    there. (Within a pass there is no way back: Python's coroutines cannot be copied.)
    """

    def __init__(self, schedule: Schedule, memo: Memo) -> None:
        """Play the trunk; `memo` has to be installed."""
        self._memo = memo
        self._course = Course(schedule, memo)
        self._snapshots = {_BEGINNING: self._snapshot()}
        """Number of steps → the trunk after them."""
        self._still: dict[str, list[int]] = {"write": [], "read": []}
        """For each request, as faults count them: after how many steps the operator was last still before it."""
        self._follow()
        self.trunk: Run = self._course.finish()

    def _snapshot(self) -> Snapshot:
        return Snapshot((self._course, self._memo.of_run), self._course.world.constants())

    def _follow(self) -> None:
        world, still = self._course.world, _BEGINNING
        while self._course.advance():
            for kind, count in (("write", world.wire.writes), ("read", world.wire.reads)):
                known = self._still[kind]
                known.extend([still] * (count - len(known)))
            if world.still:
                still = self._course.steps

    def play(self, schedule: Schedule) -> Run:
        """Play the trunk's schedule with faults."""
        self._go_back(min(self._begin(kind, number) for kind, number in schedule.faults))
        self._course.turn(schedule)
        return self._course.finish()

    def _begin(self, kind: str, number: int) -> int:
        """Return after how many steps a run leaves the trunk for a fault at a request."""
        known = self._still[kind]
        if number <= len(known):
            return known[number - 1]
        # What the trunk never sends, or not before its last step, is met by nobody on the way there.
        return max((still for stills in self._still.values() for still in stills), default=_BEGINNING)

    def _go_back(self, steps: int) -> None:
        course = self._course
        course.world.break_off()
        lives = course.world.lives.copy()
        self._snapshots[max(known for known in self._snapshots if known <= steps)].restore()
        for process in lives[len(course.world.lives) :]:
            process.dismantle()
        if course.steps < steps:
            while course.steps < steps:
                course.advance()
            self._snapshots[steps] = self._snapshot()

    def close(self) -> None:
        """Take the world apart."""
        self._course.world.dismantle()
