"""What Kubernetes and Prometheus ask: /healthz, /readyz and /metrics, answered from the same event loop."""

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Verdict = tuple[bool, str]
"""Whether all is well, and one line that says how it stands."""

_SHUTDOWN_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class HealthServer:
    """Serves the three addresses until it is closed."""

    def __init__(
        self, healthy: Callable[[], Verdict], ready: Callable[[], Verdict], metrics: CollectorRegistry
    ) -> None:
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", _answering(healthy))
        app.router.add_get("/readyz", _answering(ready))
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        self._closed = False

    async def start(self, host: str, port: int) -> int:
        """Begin to serve on an address (every one with "") and return the port, which 0 leaves to the system.

        Raises:
            OSError: when the address or port cannot be had.
        """
        await self._runner.setup()
        listener = _listen(host, port)
        await web.SockSite(self._runner, listener).start()
        chosen: int = listener.getsockname()[1]
        logger.info("Serving /healthz, /readyz and /metrics on %s port %d.", host or "every address", chosen)
        return chosen

    async def close(self) -> None:
        """Stop serving."""
        if not self._closed:
            self._closed = True
            await self._runner.cleanup()

    async def _answer_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answering(judge: Callable[[], Verdict]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        well, line = judge()
        return web.Response(text=line + "\n", status=200 if well else 503)

    return answer


def _listen(host: str, port: int) -> socket.socket:
    """Open one listening socket; without a host it takes both IP versions where the machine has both."""
    if host:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
