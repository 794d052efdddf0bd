"""What decides and acts, apart from what feeds it: caches, queue, worker and passes, wired as one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from trainingjob.api.job import TrainingJob, read_job
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.executor import Concurrently, Executor, in_tasks
from trainingjob.controller.frameworks import read_catalogue
from trainingjob.controller.informer import read_or_skip, take_event
from trainingjob.controller.kube import KubeClient
from trainingjob.controller.passes import Passes, some_pause
from trainingjob.controller.queue import KeyedQueue, Loop
from trainingjob.controller.settings import Settings
from trainingjob.controller.worker import FIRST_STATUS_SECONDS, Worker, World, loop_time, utc_now
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Event, ObservedPod, ObservedService

COALESCE_SECONDS: Final = 0.05
"""How long a change of a pod waits for company: a job's pods change together."""


class Gauges(Protocol):
    """Takes the figures; see `Metrics`."""

    def all_created(self, seconds: float) -> None:
        """Take the seconds from a job's creation to that of its last pod."""

    def started(self, seconds: float) -> None:
        """Take the seconds from a job's creation to its start."""

    def passed(self, result: str, seconds: float) -> None:
        """Take how a pass ended, and its seconds."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where chance and time come from: the process's own, unless somebody simulates them."""

    loop: Callable[[], Loop] = asyncio.get_running_loop
    ticks: Callable[[], float] = loop_time
    """Tells that loop's time in seconds."""
    concurrently: Concurrently = in_tasks
    clock: Callable[[], datetime] = utc_now
    pause: Callable[[], float] = some_pause


class Core:
    """The caches of one process and what follows from them; nothing in here waits for anything but requests."""

    def __init__(
        self,
        settings: Settings,
        client: KubeClient,
        record: Callable[[TrainingJob, Event], None],
        gauges: Gauges,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            settings: the operator's configuration.
            client: makes the requests.
            record: writes Kubernetes Events.
            gauges: takes the figures.
            surroundings: where chance and time come from.
        """
        around = surroundings or Surroundings()
        self.queue: KeyedQueue[Key] = KeyedQueue(loop=around.loop)
        self.jobs: ObjectCache[TrainingJob] = ObjectCache(self.queue.add, lambda job: job.name)
        self.pods: ObjectCache[ObservedPod] = ObjectCache(self._soon, lambda pod: pod.job)
        self.services: ObjectCache[ObservedService] = ObjectCache(self._soon, lambda service: service.job)
        world = World(
            client=client,
            queue=self.queue,
            jobs=self.jobs,
            pods=self.pods,
            services=self.services,
            executor=Executor(
                client, self.pods, self.services, settings.api_concurrency, self.queue.progressed, around.concurrently
            ),
            options=PlanOptions(
                security_profile=settings.security_profile,
                own_image=settings.sidecar_image,
                tensorboard_image=settings.tensorboard_image,
                frameworks=read_catalogue(settings.frameworks_file),
            ),
            status_interval=settings.status_interval,
            first_status_seconds=FIRST_STATUS_SECONDS,
            record=record,
            all_created=gauges.all_created,
            started=gauges.started,
            clock=around.clock,
            ticks=around.ticks,
        )
        self.passes = Passes(self.queue, Worker(world), gauges.passed, around.pause)

    def hear(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take over an event of a TrainingJob; `kind` is None while listing."""
        if kind != "DELETED" and self._is_known(body):
            return
        job = read_or_skip(read_job, body)
        if job is not None:
            take_event(kind or "ADDED", job, self.jobs)

    def _is_known(self, body: Mapping[str, Any]) -> bool:
        """Say whether this is an echo of the operator's own write, which is not worth reading."""
        metadata = body["metadata"]
        known = self.jobs.get(metadata["namespace"], metadata["name"])
        return known is not None and int(known.resource_version) >= int(metadata["resourceVersion"])

    def _soon(self, key: Key) -> None:
        if key[1] and self.jobs.get(*key) is not None:
            self.queue.add_after(key, COALESCE_SECONDS)
