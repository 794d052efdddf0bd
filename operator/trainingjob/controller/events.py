"""Kubernetes Events for `kubectl describe`: counted when they repeat, dropped when there are too many."""

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.api.job import TrainingJob
from trainingjob.api.times import format_time
from trainingjob.controller.kube import EVENTS, KubeClient
from trainingjob.controller.kube_errors import KubeError, NotFoundError
from trainingjob.reconcile import Event

COMPONENT: Final = "trainingjob-operator"
MESSAGE_LIMIT: Final = 1024
"""The longest note that the API server takes."""
QUEUED_MOST: Final = 2000
REMEMBERED_MOST: Final = 4000
PER_SECOND: Final = 50.0

logger = logging.getLogger(__name__)

Identity = tuple[str, str, str, str]
"""Job uid, type, reason and message: what is alike counts as a repetition."""


@dataclass(slots=True)
class _Posted:
    name: str
    count: int
    first: str


class Recorder:
    """Writes Events behind the back of the work: it is never waited for, and its failures disturb nothing."""

    def __init__(
        self,
        client: KubeClient,
        instance: str,
        clock: Callable[[], datetime],
        dropped: Callable[[], None],
        per_second: float = PER_SECOND,
    ) -> None:
        """Make a recorder; `run` starts it.

        Args:
            client: makes the requests.
            instance: which process reports.
            clock: the time in UTC.
            dropped: is told of every Event that was not written.
            per_second: the most Events that are written in a second.
        """
        self._client = client
        self._instance = instance
        self._clock = clock
        self._dropped = dropped
        self._pause = 1 / per_second
        self._queue: asyncio.Queue[tuple[TrainingJob, Event, str]] = asyncio.Queue(QUEUED_MOST)
        self._posted: OrderedDict[Identity, _Posted] = OrderedDict()

    def record(self, job: TrainingJob, event: Event) -> None:
        """Tell a line of a job."""
        try:
            self._queue.put_nowait((job, event, format_time(self._clock())))
        except asyncio.QueueFull:
            self._dropped()

    async def run(self) -> None:
        """Write what is told, for ever."""
        while True:
            job, event, moment = await self._queue.get()
            try:
                await self._write(job, event, moment)
            except KubeError as error:
                self._dropped()
                logger.warning("An Event was not written (%s): %s", event.reason, error)
            finally:
                self._queue.task_done()
            await asyncio.sleep(self._pause)

    async def flush(self) -> None:
        """Wait until everything that was told is written or dropped."""
        await self._queue.join()

    async def _write(self, job: TrainingJob, event: Event, moment: str) -> None:
        identity = (job.uid, event.type, event.reason, event.message)
        if posted := self._posted.get(identity):
            self._posted.move_to_end(identity)
            posted.count += 1
            try:
                patch = {"count": posted.count, "lastTimestamp": moment}
                await self._client.patch(EVENTS, job.namespace, posted.name, patch)
            except NotFoundError:
                # The API server forgets Events after an hour.
                del self._posted[identity]
            else:
                return
        await self._post(job, event, moment, identity)

    async def _post(self, job: TrainingJob, event: Event, moment: str, identity: Identity) -> None:
        posted = _Posted(name=f"{job.name}.{uuid.uuid4().hex[:16]}", count=1, first=moment)
        await self._client.create(EVENTS, job.namespace, self._body(job, event, posted))
        self._posted[identity] = posted
        if len(self._posted) > REMEMBERED_MOST:
            self._posted.popitem(last=False)

    def _body(self, job: TrainingJob, event: Event, posted: _Posted) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": posted.name, "namespace": job.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": job.namespace,
                "name": job.name,
                "uid": job.uid,
                "resourceVersion": job.resource_version,
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:MESSAGE_LIMIT],
            "count": posted.count,
            "firstTimestamp": posted.first,
            "lastTimestamp": posted.first,
            "source": {"component": COMPONENT, "host": self._instance},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance[:128],
        }
