"""The rows of `docs/failures.md`, each played in memory: what happens, and to what kind of job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tests.support.playing import GROUP, WORKER_0, WORKER_1, edit, running
from tests.support.world import World
from trainingjob.reconcile import RefusalKind

Spec = Mapping[str, Any]
Play = Callable[[World], None]

HOUR = 3600
LAUNCHER = "mnist-launcher-0"
COMMAND = ["python", "train.py"]
MPI: Spec = {"mpi": {"nodes": 2}, "command": COMMAND}
TORCH: Spec = {"torch": {"nodes": 2}, "command": COMMAND}
ELASTIC: Spec = {"torch": {"nodes": 3, "elastic": {"minNodes": 1, "maxNodes": 4}}, "command": COMMAND}


@dataclass(frozen=True)
class Scenario:
    """One thing that happens to a job."""

    play: Play
    """Lets it happen."""
    job: Spec = field(default_factory=lambda: GROUP)
    changed: Spec = field(default_factory=dict)
    """Fields of the spec with which it ends otherwise."""
    begun: bool = True
    """Whether the job runs when it happens; else it has just been created."""
    stuck: bool = False
    """Whether nothing gets better by itself: pods that wait go on waiting."""
    seconds: int = 0
    """How long the job lets it settle before it says what follows."""

    def world(self, changed: Spec) -> World:
        """Return the world in which it is about to happen."""
        spec = {**self.job, **changed}
        return running(**spec) if self.begun else World(**spec)


def rule(action: str, **condition: Any) -> dict[str, Any]:
    """Return a failure policy of one rule."""
    return {"failurePolicy": {"rules": [{"action": action, **condition}]}}


def unseen(*plays: Play) -> Play:
    """Return that several things happen before anybody looks."""

    def play(world: World) -> None:
        for each in plays:
            each(world)

    return play


def one_after_another(*plays: Play) -> Play:
    """Return that the operator sees each of several things before the next happens."""

    def play(world: World) -> None:
        for each in plays:
            each(world)
            world.settle()

    return play


def nothing(_world: World) -> None:
    """Let nothing happen that anybody could see."""


def time_passes(seconds: float) -> Play:
    """Return that time passes, or a clock is put back."""
    return lambda world: world.wait(seconds)


# What becomes of pods.


def ends(name: str = WORKER_1, code: int | None = 1, reason: str = "", pod_reason: str = "", **fields: Any) -> Play:
    """Return the end of a program, whose code may be lost, and of its pod."""

    def play(world: World) -> None:
        if code is not None:
            world.end(name, code, reason=reason)
        world.change(name, **{"reason": pod_reason, **fields})

    return play


def taken_away(disruption: str, name: str = WORKER_1, code: int = 143) -> Play:
    """Return the end of a program whose pod somebody deletes."""
    return ends(name, code, deleting=True, disruption=disruption)


def succeeds_and(*then: Play) -> Play:
    """Return that the primary succeeds, and what happens then."""
    return one_after_another(ends(WORKER_0, 0), *then)


def vanishes(name: str) -> Play:
    """Return that a pod is gone."""

    def play(world: World) -> None:
        del world.pods[name]

    return play


def node_is_silent(world: World) -> None:
    """Let the taint manager give up the pod of worker 1: nobody stops its program."""
    node_is_silent_of(WORKER_1)(world)


def node_is_silent_of(name: str) -> Play:
    """Return that the taint manager gives up a pod."""

    def play(world: World) -> None:
        gone_by = world.now + timedelta(seconds=30)
        world.change(name, deleting=True, disruption="DeletionByTaintManager", gone_by=gone_by)

    return play


def pods_end(world: World) -> None:
    """Let the kubelet finish all deletions."""
    world.stop_deleted()


def the_cache_misses(world: World) -> None:
    """Let the pod of worker 1 be there, but not in the operator's cache."""
    world.hidden.add(WORKER_1)


# What keeps a job waiting.


def begins_and(play: Play) -> Play:
    """Return that pods are created, and then something happens to them."""
    return unseen(lambda world: world.settle(), play)


def waits(**fields: Any) -> Play:
    """Return that worker 0 runs and the pod of worker 1 waits."""
    return begins_and(unseen(lambda world: world.start(WORKER_0), lambda world: world.change(WORKER_1, **fields)))


def refuses(why: RefusalKind, *names: str) -> Play:
    """Return that the API server does not create the named pods."""
    return lambda world: world.refused.update(dict.fromkeys(names, (why, "no")))


def job_of_the_same_name(world: World) -> None:
    """Let a pod of an earlier job be there that is about to end."""
    world.pods[WORKER_1] = replace(world.a_pod(WORKER_1, "earlier"), deleting=True)


# What happens to the operator, and what users do.


def operator_dies(world: World) -> None:
    """Let a restart be counted, and nothing be done about it yet."""
    ends(WORKER_1)(world)
    ends(WORKER_0)(world)
    world.step()


def write_fails(world: World) -> None:
    """Let a restart be decided on, and its record be lost on the way."""
    ends(WORKER_1)(world)
    ends(WORKER_0)(world)
    stored = world.job
    world.step()
    world.job = stored


def user_sets(**spec: Any) -> Play:
    """Return that the user changes fields of the spec."""
    return lambda world: edit(world, **spec)


def job_is_deleted(world: World) -> None:
    """Let the API server delete the job."""
    world.job = replace(world.job, deleting=True)
