"""What tests of a job's life do again and again to a world in memory."""

from dataclasses import replace
from typing import Any

from tests.support.builders import make_job
from tests.support.world import World
from trainingjob.api.times import parse_time

CHIEF, PS, EVALUATOR = "mnist-chief-0", "mnist-ps-0", "mnist-evaluator-0"
WORKER_0, WORKER_1 = "mnist-worker-0", "mnist-worker-1"
SERVERS: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 1, "chief": True, "evaluator": True}}
"""The fields of a job whose workers start anew alone."""

GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
"""The fields of a job whose replicas fail together."""

MEMBERS = [WORKER_0, WORKER_1]
"""The pods of such a group."""


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


def fail_group(world: World, code: int = 1) -> None:
    """Let both members of a group fail, and what follows happen."""
    for name in MEMBERS:
        world.end(name, code)
    world.settle()


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
