"""The part that works while the lease is held: informers, queue, workers and the regular look at everything."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from trainingjob.api.constants import LABEL_JOB
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.controller.core import Core
from trainingjob.controller.events import Recorder
from trainingjob.controller.informer import Informer, read_or_skip, take_list
from trainingjob.controller.kube import JOBS, PODS, SERVICES, KubeClient
from trainingjob.controller.kube_errors import KubeError
from trainingjob.controller.metrics import Metrics
from trainingjob.controller.observe import read_pod, read_service
from trainingjob.controller.settings import Settings

STUCK_SECONDS: Final = 300.0
"""A pass without progress for longer than this hangs: any one request would have timed out."""
SILENT_SECONDS: Final = 240.0
"""An informer that did not even fail for so long hangs."""
OUT_OF_TOUCH_SECONDS: Final = 900.0
"""Without an answer for so long a new process, with new credentials and addresses, is worth a try."""
_EVENT_SECONDS: Final = 2.0
_FIRST_LIST_PAUSE: Final = 3.0

logger = logging.getLogger(__name__)


class Engine:
    """Caches, informers and workers; it is started once and stopped once."""

    def __init__(
        self, settings: Settings, client: KubeClient, recorder: Recorder, metrics: Metrics, failed: Callable[[], None]
    ) -> None:
        """Put the parts together.

        Args:
            settings: the operator's configuration.
            client: makes the requests.
            recorder: writes Kubernetes Events.
            metrics: takes the figures.
            failed: is told when a part ends that should run for ever.
        """
        self._settings = settings
        self._client = client
        self._recorder = recorder
        self._metrics = metrics
        self._failed = failed
        self._core = Core(settings, client, recorder.record, metrics)
        self._queue, self._jobs, self._pods = self._core.queue, self._core.jobs, self._core.pods
        self._informers = [*self._informers_of(PODS, read_pod, self._pods)]
        self._informers += self._informers_of(SERVICES, read_service, self._core.services)
        self._workers: list[asyncio.Task[None]] = []
        self._helpers: list[asyncio.Task[None]] = []
        self._starting = "not started"
        self._stopped = False
        metrics.follow(lambda: self._jobs, lambda: self._queue.depth)

    def hear(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Take over an event of a TrainingJob; `kind` is None while listing."""
        self._core.hear(kind, body)

    async def start(self) -> None:
        """Fill the caches, then let the workers begin: nothing is decided from half a picture."""
        self._helpers += [self._spawn(informer.run(), informer.name) for informer in self._informers]
        self._helpers.append(self._spawn(self._recorder.run(), "recorder"))
        for informer in self._informers:
            self._starting = f"listing {informer.name}"
            await informer.synced.wait()
        self._starting = "listing trainingjobs"
        await self._list_jobs_at_last()
        self._starting = ""
        self._helpers.append(self._spawn(self._resync(), "resync"))
        self._workers = [self._spawn(self._core.passes.run(), f"worker {i}") for i in range(self._settings.workers)]
        logger.info("Working: %d jobs, %d pods.", len(self._jobs), len(self._pods))

    async def stop(self) -> None:
        """Take no more keys, let running passes end within the time allowed, write what Events are left."""
        if self._stopped:
            return
        self._stopped = True
        self._queue.close()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=self._settings.shutdown_seconds)
            if late:
                logger.warning("%d passes did not end in time and are broken off.", len(late))
            await _end(late)
        if self._workers:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._recorder.flush(), _EVENT_SECONDS)
        await _end(self._helpers)

    def healthy(self) -> tuple[bool, str]:
        """Say whether every watch lives and no pass hangs."""
        now = time.monotonic()
        if (longest := self._queue.longest()) > STUCK_SECONDS:
            return False, f"a pass has made no progress for {longest:.0f} s"
        if self._helpers:
            for informer in self._informers:
                if now - informer.last_beat > SILENT_SECONDS:
                    return False, f"the watch of {informer.name} hangs"
                if now - informer.last_contact > OUT_OF_TOUCH_SECONDS:
                    return False, f"no answer for {informer.name} in {now - informer.last_contact:.0f} s"
        return True, "ok"

    def ready(self) -> tuple[bool, str]:
        """Say whether the caches are full and the workers at work."""
        return not self._starting, self._starting or "working"

    def _informers_of(self, resource: Any, read: Any, cache: Any) -> list[Informer[Any]]:
        return [
            Informer(self._client, resource, scope, LABEL_JOB, read, cache, self._metrics.restarted)
            for scope in self._settings.scopes
        ]

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._stopped:
            return
        logger.critical("%s has ended, so the operator stops.", task.get_name(), exc_info=task.exception())
        self._failed()

    async def _list_jobs_at_last(self) -> None:
        failed = False
        while True:
            try:
                await self._list_jobs()
            except KubeError as error:
                failed = True
                hint = " Is the CustomResourceDefinition installed?" if error.status == 404 else ""
                self._starting = f"cannot list trainingjobs: {error}{hint}"
                logger.warning("Cannot list trainingjobs, next try in %.0f s: %s%s", _FIRST_LIST_PAUSE, error, hint)
                await asyncio.sleep(_FIRST_LIST_PAUSE)
            else:
                break
        if failed:
            # kopf asks once which resources there are: a new one must be known everywhere by then.
            await asyncio.sleep(_FIRST_LIST_PAUSE)

    async def _list_jobs(self) -> None:
        for scope in self._settings.scopes:
            await take_list(self._client, JOBS, scope, "", _read_job_or_skip, self._jobs, lambda: None)

    async def _resync(self) -> None:
        """Compare all jobs regularly, because kopf tells of no deletion that it missed, and look at each again."""
        interval = self._settings.resync_seconds
        while True:
            await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # noqa: S311  # spreads load, guards nothing
            try:
                await self._list_jobs()
            except KubeError as error:
                logger.warning("Cannot list trainingjobs to compare them: %s", error)
                continue
            for job in self._jobs:
                delay = random.uniform(0, interval / 4)  # noqa: S311  # spreads load, guards nothing
                self._queue.add_after(job.key, delay)


def _read_job_or_skip(body: Mapping[str, Any]) -> TrainingJob | None:
    return read_or_skip(read_job, body)


async def _end(tasks: Any) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
