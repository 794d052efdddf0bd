"""Play one schedule from its beginning to rest, with every promise checked after every step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from marshal import dumps
from typing import Any, Final

from tests.simulation.compare import end_of, has_comparable_end
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule
from tests.simulation.world import World

_QUIET_STEPS: Final = 30
"""After so many steps in which nothing changes and nothing is left to happen, what is waited for will not come: they
cover ten passes and more with a back-off of a minute, longer than the longest wait for a restart."""
_CONTENT: Final = 2
"""The version of marshal in which equal values have equal bytes."""
_MOST_STEPS: Final = 5_000


@dataclass(frozen=True)
class Run:
    """What became of a schedule."""

    schedule: Schedule
    violations: tuple[str, ...]
    """What was promised and not kept; empty when all is well."""
    writes: int
    """How many writes the operator has sent."""
    reads: int
    """How many single objects the operator has asked for."""
    met: tuple[str, ...]
    """The faults that have happened, by kind."""
    end: Mapping[str, Any]
    """What is left when everything has come to rest, where `compare` asks for it; else empty."""
    digest: bytes
    """The same for two runs in which the same has happened."""
    trace: list[tuple[Any, ...]] = field(repr=False, default_factory=list)


class Course:
    """A schedule on its way to rest."""

    def __init__(self, schedule: Schedule, memo: Memo) -> None:
        """Begin; `memo` has to be installed."""
        memo.begin()
        self.schedule = schedule
        self.world = World(schedule, memo)
        self.steps = 0
        self._rests = False
        self._restless = False
        """Whether so many steps were made that no rest is to be expected."""
        self._quiet = 0
        self._version = 0

    def turn(self, schedule: Schedule) -> None:
        """Go on as this schedule, which differs by faults that are still to come."""
        self.schedule = schedule
        self.world.wire.faults = schedule.faults

    def advance(self) -> bool:
        """Go on by one step and say whether there is more to come."""
        world = self.world
        if self._rests or self._restless or world.judge.violations or not world.step():
            self._rests = True
            return False
        self.steps += 1
        if world.server.version != self._version:
            self._quiet, self._version = 0, world.server.version
        elif not world.loop.pending:
            self._quiet += 1
        self._rests = self._quiet > _QUIET_STEPS
        self._restless = not self._rests and self.steps >= _MOST_STEPS
        return not (self._rests or self._restless)

    def finish(self) -> Run:
        """Go on to rest and return what became of it."""
        problems = self._finish()
        world, schedule = self.world, self.schedule
        return Run(
            schedule,
            tuple(problems),
            world.wire.writes,
            world.wire.reads,
            tuple(world.wire.met),
            end_of(world.server) if has_comparable_end(schedule) else {},
            blake2b(dumps(world.trace, _CONTENT), digest_size=12).digest(),
            world.trace.copy(),
        )

    def _finish(self) -> list[str]:
        world = self.world
        while self.advance():
            pass
        if self._restless:
            return [f"nothing comes to rest within {_MOST_STEPS} steps"]
        if not world.judge.violations:
            world.judge.at_rest(world.operator_clock())
            world.look_again()
            while world.loop.pending and not world.judge.violations:
                world.step()
        return [f"invariant {found.number}: {found.sentence}" for found in world.judge.violations]


def play(schedule: Schedule, memo: Memo) -> Run:
    """Play a schedule from its beginning; `memo` has to be installed."""
    course = Course(schedule, memo)
    run = course.finish()
    course.world.dismantle()
    return run
