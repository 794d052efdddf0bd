"""Serve the newest metrics to whoever may reach the pod: for Prometheus at `/metrics`, as JSON at `/metrics.json`."""

import json
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainingjob.sidecar.log import say
from trainingjob.sidecar.metrics_file import MetricsFile

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SECONDS: Final = 10
"""How long a client may be silent."""
_AT_ONCE: Final = 16
"""How many clients are answered at a time; memory is short, and whoever reaches the pod may come."""


class _Collector(Collector):
    """The newest values as Prometheus wants them: a program's name need not be one of Prometheus, so it is a label."""

    def __init__(self, metrics: MetricsFile) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        newest = self._metrics.newest
        values = GaugeMetricFamily("trainingjob_metric", "The newest value of a program's metric.", labels=["name"])
        steps = GaugeMetricFamily("trainingjob_metric_step", "The step of the newest value.", labels=["name"])
        for metric in newest:
            values.add_metric([metric.name], metric.value)
            if metric.step is not None:
                steps.add_metric([metric.name], metric.step)
        yield values
        yield steps
        yield CounterMetricFamily(
            "trainingjob_metrics_refused_lines", "Lines of the file that are no metrics.", value=self._metrics.refused
        )


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that breaks off or is silent is of no interest to the reader of this log either.
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # The library's own way asks the name service for this machine's name, which may take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the library's)
        """Say nothing: who asks is of no interest to the reader of this log."""


def serve(metrics: MetricsFile, port: int) -> int:
    """Answer requests in threads of their own, as long as the process lives; return the port, or 0 when it is taken.

    Args:
        metrics: what is served.
        port: where; 0 for any free one.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(metrics))
    for_prometheus = make_wsgi_app(registry)

    def answer(request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if request["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return []
        if request["PATH_INFO"] == "/metrics":
            text: Iterable[bytes] = for_prometheus(request, start)
            return text
        if request["PATH_INFO"] == "/metrics.json":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps([metric.model_dump(exclude_none=True) for metric in metrics.newest]).encode()]
        start("404 Not Found", [])
        return []

    try:
        server = make_server("", port, answer, _Server, _Handler)
    except OSError as error:
        say(f"Metrics are not served on port {port}: {error.strerror}.")
        return 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
