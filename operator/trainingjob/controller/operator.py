"""The whole operator: its parts, the order in which they start, and the order in which they stop."""

import asyncio
import logging
import os
import signal
import time
from typing import Final, NoReturn

from trainingjob.controller.connection import Connection
from trainingjob.controller.engine import Engine
from trainingjob.controller.events import Recorder
from trainingjob.controller.health import HealthServer
from trainingjob.controller.kube import KubeClient
from trainingjob.controller.lease import Lease, LeaseLostError
from trainingjob.controller.metrics import Metrics
from trainingjob.controller.settings import Settings
from trainingjob.controller.source import JobSource
from trainingjob.controller.version import VERSION
from trainingjob.controller.worker import utc_now

EXIT_STOPPED: Final = 0
EXIT_FAILED: Final = 1
EXIT_UNUSABLE: Final = 2
EXIT_LEASE_LOST: Final = 3

SOURCE_SILENT_SECONDS: Final = 450.0
"""kopf opens its watch anew every few minutes: when it did not for so long, it hangs."""

logger = logging.getLogger(__name__)


class Operator:
    """One process: it waits for the lease, works while it holds it, and gives it back."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._broken = False
        self._leading = False
        self._metrics = Metrics()
        client = KubeClient(connection, self._metrics.requested, may_write=lambda: self._lease.remaining)
        self._lease = Lease(
            client,
            settings.lease_namespace or connection.namespace,
            settings.lease_name,
            settings.lease_seconds,
            settings.lease_identity,
        )
        self._metrics.follow_lease(lambda: self._lease.held)
        recorder = Recorder(client, self._lease.identity, utc_now, self._metrics.event_dropped)
        self._engine = Engine(settings, client, recorder, self._metrics, self._break)
        self._source = JobSource(
            connection, settings.namespace, self._engine.hear, self._metrics.requested, self._metrics.restarted
        )
        self._health = HealthServer(self._healthy, self._ready, self._metrics.registry)

    async def run(self) -> int:
        """Run until a signal or a failure, and return the exit code; losing the lease ends the process at once."""
        logger.info("trainingjob-operator %s as %s.", VERSION, self._lease.identity)
        self._listen_for_signals()
        try:
            await self._health.start(self._settings.health_host, self._settings.health_port)
        except OSError as error:
            logger.critical("Cannot serve health and metrics: %s", error)
            return EXIT_UNUSABLE
        try:
            if await self._wait_for_lease():
                await self._lead()
        finally:
            await self._health.close()
        logger.info("Stopped.")
        return EXIT_FAILED if self._broken else EXIT_STOPPED

    async def _wait_for_lease(self) -> bool:
        acquiring = asyncio.create_task(self._lease.acquire(), name="acquire lease")
        stopping = asyncio.create_task(self._stopping.wait(), name="wait for a signal")
        try:
            await asyncio.wait((acquiring, stopping), return_when=asyncio.FIRST_COMPLETED)
            if acquiring.done():
                acquiring.result()
            return acquiring.done() and not self._stopping.is_set()
        finally:
            acquiring.cancel()
            stopping.cancel()
            await asyncio.gather(acquiring, stopping, return_exceptions=True)

    async def _lead(self) -> None:
        self._leading = True
        keeping = asyncio.create_task(self._keep_lease(), name="keep lease")
        try:
            await self._source.run(self._start_working, self._stop_working, self._stopping)
        except Exception:  # whatever kopf cannot go on after: the log says it, the exit code too
            logger.critical("kopf has failed, so the operator stops.", exc_info=True)
            self._broken = True
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._lease.release()

    async def _start_working(self) -> None:
        # kopf puts its own handlers in place when it gets control back, and they break on a second signal.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._listen_for_signals()
        await self._engine.start()

    async def _stop_working(self) -> None:
        # kopf's own waiting for this would otherwise keep it for seconds.
        self._stopping.set()
        await self._engine.stop()
        # Open connections to it would keep kopf waiting for their tasks.
        await self._health.close()

    async def _keep_lease(self) -> None:
        try:
            await self._lease.keep()
        except LeaseLostError as error:
            _end_at_once(f"{error} This process ends at once, so that only one acts.", EXIT_LEASE_LOST)
        except Exception:  # without renewal this process would stand still for ever
            logger.critical("The lease cannot be kept because of a defect.", exc_info=True)
            _end_at_once("This process ends at once.", EXIT_FAILED)

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)

    def _stop(self, number: signal.Signals) -> None:
        logger.info("%s: stopping.", number.name)
        self._stopping.set()

    def _break(self) -> None:
        self._broken = True
        self._stopping.set()

    def _healthy(self) -> tuple[bool, str]:
        if not self._leading:
            return True, "standby"
        if time.monotonic() - self._source.last_beat > SOURCE_SILENT_SECONDS:
            return False, "the watch of trainingjobs hangs"
        return self._engine.healthy()

    def _ready(self) -> tuple[bool, str]:
        if not self._leading:
            # A rollout waits for the new process to be ready, while the old one still holds the lease.
            return True, "standby"
        return self._engine.ready() if self._lease.held else (False, "the lease cannot be renewed")


def _end_at_once(message: str, code: int) -> NoReturn:
    logger.critical("%s", message)
    logging.shutdown()
    # No clean-up may run: it could write, and another operator may already be acting.
    os._exit(code)
