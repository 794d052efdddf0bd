"""How the API server is reached: address, trust, and credentials that are renewed while the process runs."""

import os
import time
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from trainingjob.controller.version import VERSION

USER_AGENT: Final = f"trainingjob-operator/{VERSION}"
_OWN_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_RELOAD_SECONDS: Final = 60.0
_READ_BUFFER_BYTES: Final = 2**21


class NoConnectionError(Exception):
    """There is no usable configuration of how to reach an API server; the text says what was tried."""


class Connection:
    """One way to one API server, shared by the operator's own client and by kopf."""

    def __init__(self, configuration: Configuration, namespace: str, reload: Callable[[], Awaitable[object]] | None):
        self.namespace = namespace
        """The namespace that the configuration itself names; `default` when it names none."""
        self._configuration = configuration
        self._reload = reload
        self._reloaded = time.monotonic()
        configuration.client_session_kwargs = {"trust_env": False}
        # The semaphore of the executor bounds writes; watches must never wait behind them for a connection.
        configuration.connection_pool_maxsize = 0
        if not configuration.proxy:
            configuration.proxy = _proxy_of(configuration.host)
        self.client = ApiClient(configuration)
        self._sessions: list[aiohttp.ClientSession] = []

    @property
    def server(self) -> str:
        """Return the API server's address without a slash at its end."""
        return str(self._configuration.host).rstrip("/")

    async def authorization(self) -> str:
        """Return the current value of the Authorization header; empty when certificates authenticate."""
        if time.monotonic() - self._reloaded > _RELOAD_SECONDS:
            await self.renew()
        return await self._configuration.get_api_key_with_prefix("BearerToken") or ""

    async def renew(self) -> None:
        """Read tokens and run credential plugins again; in-cluster tokens renew themselves."""
        self._reloaded = time.monotonic()
        if self._reload is not None:
            await self._reload()

    def session(self, traces: list[aiohttp.TraceConfig]) -> aiohttp.ClientSession:
        """Open a plain HTTP session with these credentials, for code that brings its own client."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.client.rest_client.ssl_context, limit=0),
            headers={"User-Agent": USER_AGENT},
            middlewares=[self._authorize],
            proxy=self._configuration.proxy,
            read_bufsize=_READ_BUFFER_BYTES,
            trace_configs=traces,
            trust_env=False,
        )
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            await session.close()
        await self.client.close()  # type: ignore[no-untyped-call]

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if value := await self.authorization():
            request.headers["Authorization"] = value
        if name := self._configuration.tls_server_name:
            request.server_hostname = name
        response = await handler(request)
        if response.status == 401:
            await self.renew()
        return response


async def connect(kubeconfig: str) -> Connection:
    """Find out how to reach the API server: the given kubeconfig, else the pod's account, else the usual kubeconfig.

    Raises:
        NoConnectionError: when none of them is there or can be read.
    """
    configuration = Configuration()
    if not kubeconfig and os.environ.get("KUBERNETES_SERVICE_HOST"):
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as error:
            raise NoConnectionError(f"The pod's service account cannot be used: {error}") from error
        return Connection(configuration, _own_namespace(), None)
    path = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        loader = await load_kube_config(  # type: ignore[no-untyped-call]
            path, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError, yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise NoConnectionError(f"The kubeconfig {path} cannot be used: {error}") from error

    async def reload() -> None:
        await loader.load_and_set(configuration)

    # Certificates cannot change in an open session; tokens and the output of credential plugins can.
    renewable = bool(configuration.api_key)
    return Connection(configuration, _context_namespace(loader), reload if renewable else None)


def _own_namespace() -> str:
    try:
        return _OWN_NAMESPACE_FILE.read_text().strip() or "default"
    except OSError:
        return "default"


def _context_namespace(loader: Any) -> str:
    return str(loader.current_context["context"].get("namespace") or "default")


def _proxy_of(server: str) -> str | None:
    """Return the proxy that the environment names for this server, read once: aiohttp would ask for each request."""
    address = urllib.parse.urlsplit(server)
    if urllib.request.proxy_bypass(address.hostname or ""):
        return None
    return urllib.request.getproxies().get(address.scheme)
