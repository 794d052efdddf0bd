"""Pass after pass: whatever the queue asks for is looked at, and what fails is looked at again."""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from trainingjob.controller.cache import Key
from trainingjob.controller.kube_errors import FencedError, KubeError, TransientError
from trainingjob.controller.logs import speaking_of
from trainingjob.controller.queue import KeyedQueue, QueueClosedError
from trainingjob.controller.worker import Worker

OUTAGE_PAUSE: Final = (1.0, 5.0)
"""Between these seconds a job waits for an API server that does not answer."""

logger = logging.getLogger(__name__)


def some_pause() -> float:
    """Return a pause by chance, so that not all jobs come back at once."""
    return random.uniform(*OUTAGE_PAUSE)  # noqa: S311  # spreads load, guards nothing


class Passes:
    """Makes passes over jobs and decides when one that failed is made again; no failure ends it."""

    def __init__(
        self,
        queue: KeyedQueue[Key],
        worker: Worker,
        passed: Callable[[str, float], None],
        pause: Callable[[], float] = some_pause,
    ) -> None:
        """Put the parts together.

        Args:
            queue: says which job is next.
            worker: looks at it.
            passed: is told how a pass ended, in one word, and its seconds.
            pause: returns for how many seconds a job waits for an API server that does not answer.
        """
        self._queue = queue
        self._worker = worker
        self._passed = passed
        self._pause = pause

    async def run(self) -> None:
        """Make one pass after another until the queue is closed."""
        while True:
            try:
                await self.next()
            except QueueClosedError:
                return

    async def next(self) -> None:
        """Wait for the next key and make its pass.

        Raises:
            QueueClosedError: when the queue was closed.
        """
        key = await self._queue.take()
        try:
            with speaking_of(key):
                await self._pass(key)
        finally:
            self._queue.done(key)

    async def _pass(self, key: Key) -> None:
        begun, result = time.monotonic(), "broken off"
        try:
            await self._worker.look(key)
            result = "done"
        except TransientError as error:
            result = "retried"
            delay = self._queue.retry(key, error.retry_after) if error.status else self._wait_out(key)
            logger.info("Next try in %.1f s: %s", delay, error)
        except FencedError as error:
            result = "fenced"
            logger.warning("Next try in %.1f s: %s", self._wait_out(key), error)
        except KubeError as error:
            result = "refused"
            delay = self._queue.retry(key)
            logger.error("The API server refused, next try in %.1f s: %s", delay, error)
        except Exception:  # one job that cannot be thought through must not stop all the others
            result = "failed"
            delay = self._queue.retry(key)
            logger.exception("The pass failed unexpectedly, next try in %.1f s.", delay)
        finally:
            self._passed(result, time.monotonic() - begun)

    def _wait_out(self, key: Key) -> float:
        """Come back soon: not this job fails but the API server, and its return must find every job awake."""
        delay = self._pause()
        self._queue.add_after(key, delay)
        return delay
