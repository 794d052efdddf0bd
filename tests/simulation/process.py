"""The operator as one process: the real caches, queue, worker and passes, fed by watches that the world delays."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol, cast

from tests.simulation.loop import Clockwork, Task, finished, side_by_side
from trainingjob.api import job as job_module
from trainingjob.api.constants import LABEL_JOB
from trainingjob.controller import observe
from trainingjob.controller.cache import ObjectCache
from trainingjob.controller.core import Core, Surroundings
from trainingjob.controller.informer import take_event, take_list
from trainingjob.controller.kube import JOBS, PODS, SERVICES, KubeClient, Resource
from trainingjob.controller.settings import Settings
from trainingjob.testing import ModelClient, ModelServer, Watch

RESYNC_SECONDS: Final = 300.0
_SETTINGS: Final = Settings(api_concurrency=10_000)
_OUTAGE_PAUSE: Final = 2.0


class Surrounded(Protocol):
    """What a process needs of the world around it."""

    server: ModelServer
    loop: Clockwork
    client: ModelClient

    def operator_clock(self) -> datetime:
        """Return the time of day as the operator's machine has it."""


class NoGauges:
    """Takes figures and forgets them."""

    def all_created(self, seconds: float) -> None:
        """Forget."""

    started = all_created

    def passed(self, result: str, seconds: float) -> None:
        """Forget."""


class Stream:
    """One watch of the process, behind which its cache lags as long as the world wants."""

    __slots__ = ("feed", "held_until", "relist", "resource", "scheduled", "watch")

    def __init__(self, resource: Resource, feed: Callable[[str, Any], None], relist: Callable[[], str]) -> None:
        self.resource = resource
        self.feed = feed
        self.relist = relist
        self.held_until = 0.0
        self.scheduled = False
        self.watch: Watch | None = None
        """None while the watch is broken."""


class Process:
    """One life of the operator, from its first list to its end."""

    def __init__(self, world: Surrounded) -> None:
        """Make a process; `start` begins its life."""
        self._world = world
        self.alive = True
        self.tasks: set[Task] = set()
        self._killed: list[Task] = []
        self.basis: dict[str, tuple[str, int]] = {}
        """Job's name → uid and resource version that its running pass was decided from."""
        loop = world.loop
        self.core = Core(
            _SETTINGS,
            cast("KubeClient", world.client),
            lambda _job, _event: None,
            NoGauges(),
            Surroundings(
                loop=lambda: loop,
                ticks=loop.time,
                concurrently=lambda requests, ended: side_by_side(self.tasks, requests, ended),
                clock=world.operator_clock,
                pause=lambda: _OUTAGE_PAUSE,
            ),
        )
        core = self.core
        self.streams = {
            "trainingjobs": Stream(JOBS, core.hear, self._list_jobs_as_kopf),
            "pods": self._stream(PODS, core.pods, observe.read_pod),
            "services": self._stream(SERVICES, core.services, observe.read_service),
        }

    def _stream(self, resource: Resource, cache: ObjectCache[Any], read: Callable[[Any], Any]) -> Stream:
        def relist() -> str:
            return self._list(resource, cache, read, LABEL_JOB)

        return Stream(resource, lambda kind, body: take_event(kind, read(body), cache), relist)

    def _list(self, resource: Resource, cache: ObjectCache[Any], read: Callable[[Any], Any], selector: str) -> str:
        found: list[str] = []

        async def take() -> None:
            client = cast("KubeClient", self._world.client)
            found.append(await take_list(client, resource, "", selector, read, cache, lambda: None))

        finished(take())
        return found[0]

    def _list_jobs(self) -> str:
        return self._list(JOBS, self.core.jobs, job_module.read_job, "")

    def _list_jobs_as_kopf(self) -> str:
        """List as kopf does after a 410: it tells of what there is and of no deletion that it missed."""
        page = self._world.server.list(JOBS)
        for body in page["items"]:
            self.core.hear(None, body)
        self._world.loop.after(RESYNC_SECONDS, self._resync)
        return str(page["metadata"]["resourceVersion"])

    def _resync(self) -> None:
        if self.alive:
            self._list_jobs()
            for job in self.core.jobs:
                self.core.queue.add(job.key)

    def start(self) -> None:
        """Fill the caches, as the engine does before its workers begin."""
        for name in ("pods", "services"):
            self.connect(self.streams[name])
        stream, version = self.streams["trainingjobs"], self._list_jobs()
        stream.watch = self._world.server.watch(JOBS, version=version)
        self.pump()

    def connect(self, stream: Stream) -> None:
        """List, make the cache equal, and watch from there."""
        version = stream.relist()
        selector = "" if stream.resource is JOBS else LABEL_JOB
        stream.watch = self._world.server.watch(stream.resource, selector=selector, version=version)

    def deliver(self, stream: Stream) -> None:
        """Give the cache what the watch has, in its order."""
        stream.scheduled = False
        if not self.alive or stream.watch is None or self._world.loop.now < stream.held_until:
            return
        while (event := stream.watch.take()) is not None:
            if event["type"] == "ERROR":
                self.connect(stream)
            else:
                stream.feed(event["type"], event["object"])

    def pump(self) -> None:
        """Begin a pass for every key that is due."""
        queue = self.core.queue
        while queue.ready and self.alive:
            Task(self.core.passes.next(), self.tasks, _raise)

    def break_off(self) -> None:
        """Let no coroutine go on, neither those that live nor those that were killed in the middle of a request."""
        for task in (*self.tasks, *self._killed):
            task.stop()
        self._killed.clear()

    def dismantle(self) -> None:
        """Take apart what holds itself together."""
        self.core.__dict__.clear()
        self.__dict__.clear()

    def kill(self) -> None:
        """End the process as SIGKILL does: what it knew is gone, what it has sent is not."""
        self.alive = False
        self.core.queue.close()
        self._killed.extend(self.tasks)
        self.tasks.clear()


def _raise(error: BaseException | None) -> None:
    if error is not None:
        raise error
