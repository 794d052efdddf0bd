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


def play(schedule: Schedule, memo: Memo) -> Run:
    """Play a schedule; `memo` has to be installed."""
    memo.begin()
    world = World(schedule, memo)
    problems = _play(world)
    run = Run(
        schedule,
        tuple(problems),
        world.wire.writes,
        world.wire.reads,
        tuple(world.wire.met),
        end_of(world.server) if has_comparable_end(schedule) else {},
        blake2b(dumps(world.trace, _CONTENT), digest_size=12).digest(),
        world.trace,
    )
    world.dismantle()
    return run


def _play(world: World) -> list[str]:
    violations = world.judge.violations
    quiet = changes = 0
    for _ in range(_MOST_STEPS):
        if violations or not world.step():
            break
        if world.server.version != changes:
            quiet, changes = 0, world.server.version
        elif not world.loop.pending:
            quiet += 1
            if quiet > _QUIET_STEPS:
                break
    else:
        return [f"nothing comes to rest within {_MOST_STEPS} steps"]
    if violations:
        return _told(world)
    world.judge.at_rest(world.operator_clock())
    world.look_again()
    while world.loop.pending and not violations:
        world.step()
    return _told(world)


def _told(world: World) -> list[str]:
    return [f"invariant {found.number}: {found.sentence}" for found in world.judge.violations]
