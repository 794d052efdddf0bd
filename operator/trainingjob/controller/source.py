"""kopf: the process's life cycle and the source of what happens to TrainingJobs.

It is used as an event source alone: it stores nothing on the objects, posts nothing, and decides nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final, cast

import aiohttp
import kopf

from trainingjob.api.constants import GROUP, PLURAL, VERSION
from trainingjob.controller.connection import Connection
from trainingjob.controller.kube import CONNECT_SECONDS, REQUEST_SECONDS

WATCH_SECONDS: Final = 270
SILENCE_SECONDS: Final = 80.0
LIST_CHUNK: Final = 500
_LOGIN_PAUSE: Final = 5.0

Hear = Callable[[str | None, Mapping[str, Any]], None]
"""Takes the type of an event (None while listing) and the object."""

logger = logging.getLogger(__name__)


class JobSource:
    """Runs kopf, which tells of every TrainingJob."""

    def __init__(
        self,
        connection: Connection,
        namespaces: tuple[str, ...],
        hear: Hear,
        requested: Callable[[str, str, str], None],
        restarted: Callable[[str, str], None],
    ) -> None:
        """Make a source; `run` starts it.

        Args:
            connection: how the API server is reached.
            namespaces: which to follow; none for all.
            hear: takes what is heard.
            requested: is told verb, resource and code of every request.
            restarted: is told the resource and the reason whenever a watch is opened again.
        """
        self._connection = connection
        self._namespaces = namespaces
        self._hear = hear
        self._requested = requested
        self._restarted = restarted
        self._watches = 0
        self._logins = 0
        self.last_beat = time.monotonic()
        """When kopf last began or ended a request or told of something, on the monotonic clock."""

    async def run(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]], stopping: asyncio.Event
    ) -> None:
        """Run kopf until a signal or `stopping` ends it.

        Args:
            start: is awaited before anything is followed.
            stop: is awaited after the last event, however the run ends.
            stopping: ends the run when set.

        Raises:
            Exception: what kopf cannot go on after, such as an error within a watch.
        """
        registry = kopf.OperatorRegistry()
        kopf.on.event(GROUP, VERSION, PLURAL, id="trainingjobs", registry=registry)(self._on_event)
        kopf.on.login(id="login", registry=registry)(self._on_login)

        @kopf.on.startup(id="start", registry=registry, errors=kopf.ErrorsMode.PERMANENT)
        async def on_startup(**_: Any) -> None:
            await start()

        @kopf.on.cleanup(id="stop", registry=registry, errors=kopf.ErrorsMode.PERMANENT)
        async def on_cleanup(**_: Any) -> None:
            await stop()

        try:
            await kopf.operator(
                registry=registry,
                settings=kopf_settings(),
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                standalone=True,
                # Else kopf asks for the name of a user that the image's number need not have.
                identity=cast("Any", "trainingjob-operator"),
                stop_flag=stopping,
            )
        finally:
            # kopf leaves its clean-up out when it is stopped before it has started.
            await stop()

    async def _on_event(self, event: Any, **_: Any) -> None:
        self.last_beat = time.monotonic()
        self._hear(event["type"], event["object"])

    async def _on_login(self, **_: Any) -> kopf.AiohttpSession:
        # kopf asks again after every 401: credentials that stay wrong must not become a storm.
        if self._logins:
            await asyncio.sleep(_LOGIN_PAUSE)
        self._logins += 1
        session = self._connection.session([self._trace()])
        return kopf.AiohttpSession(
            server=self._connection.server,
            aiohttp_session=session,
            default_namespace=self._connection.namespace,
        )

    def _trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)
        return trace

    async def _on_request_start(self, _: Any, __: SimpleNamespace, ___: aiohttp.TraceRequestStartParams) -> None:
        self.last_beat = time.monotonic()

    async def _on_request_end(self, _: Any, __: SimpleNamespace, about: aiohttp.TraceRequestEndParams) -> None:
        self.last_beat = time.monotonic()
        verb = _verb(about.url)
        self._requested(verb, _resource(about.url), str(about.response.status))
        if verb == "watch":
            self._watches += 1
            if self._watches > max(1, len(self._namespaces)):
                self._restarted(PLURAL, "reopened")

    async def _on_request_exception(
        self, _: Any, __: SimpleNamespace, about: aiohttp.TraceRequestExceptionParams
    ) -> None:
        self.last_beat = time.monotonic()
        self._requested(_verb(about.url), _resource(about.url), "none")


def kopf_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: nothing is written on objects, nothing posted, and an outage is waited out."""
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.watching.chunk_size = LIST_CHUNK
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_SECONDS + REQUEST_SECONDS
    settings.watching.connect_timeout = CONNECT_SECONDS
    settings.watching.inactivity_timeout = SILENCE_SECONDS
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.networking.error_backoffs = _ForEver()
    # A worker for each object is two tasks: they are given up soon, for most objects are silent most of the time.
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 0.5
    return settings


class _ForEver:
    """Waits between the tries of a request, which never run out: an outage of the API server is waited out."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1.0, 2.0, 4.0)
        while True:
            yield 8.0


class _NoDiffBase(kopf.DiffBaseStorage):
    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


def _verb(url: Any) -> str:
    return "watch" if url.query.get("watch") == "true" else "list"


def _resource(url: Any) -> str:
    return PLURAL if url.path.endswith(f"/{PLURAL}") else "discovery"
