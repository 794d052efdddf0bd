"""What tests of a job's life do again and again to a world in memory."""

from dataclasses import replace
from typing import Any

from tests.support.builders import make_job
from tests.support.world import World
from trainingjob.api.times import parse_time


def running(**spec: Any) -> World:
    """Return a world whose job has run for a minute."""
    world = World(**spec)
    world.settle()
    world.start()
    world.settle()
    world.wait(60)
    return world


def edit(world: World, **spec: Any) -> None:
    """Change fields of the spec as a user does; None takes a field away."""
    job = world.job
    stored = job.spec.manifest() if job.spec else {}
    changed = {name: value for name, value in {**stored, **spec}.items() if value is not None}
    fresh = make_job(spec=changed)
    world.job = replace(job, spec=fresh.spec, managed_by=fresh.managed_by, generation=job.generation + 1)


def play_restart(world: World) -> None:
    """Let what was decided happen: the old pods end, the wait is over, the new programs begin."""
    world.settle()
    world.stop_deleted()
    world.settle()
    if world.status.restart_time:
        world.wait(max(0.0, (parse_time(world.status.restart_time) - world.now).total_seconds()))
    world.settle()
    world.start()
    world.settle()


def counts(world: World) -> tuple[int, int, int]:
    """Return attempt, restarts and disruptions."""
    return world.status.attempt, world.status.restarts, world.status.disruptions
