"""A thin client: JSON objects in, JSON objects out, and errors that say what to do about them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from pydantic_core import from_json

from trainingjob.api.constants import GROUP, PLURAL, VERSION
from trainingjob.controller.connection import USER_AGENT, Connection
from trainingjob.controller.kube_errors import FencedError, TransientError, error_of

_T = TypeVar("_T")

Object = dict[str, Any]
Count = Callable[[str, str, str], None]
"""Takes verb, resource and HTTP status of every finished request."""

REQUEST_SECONDS: Final = 30.0
"""How long one request may take; a watch lives longer."""
CONNECT_SECONDS: Final = 10.0
BACKGROUND_DELETION: Final = "Background"
SILENT: Final = "Silent"
"""The reason of the error that ends a watch without a sign of life."""
_MERGE_PATCH: Final = "application/merge-patch+json"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects as the API server's paths name it."""

    api: str
    """`api/v1`, or `apis/GROUP/VERSION`."""
    plural: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the path of one object, of a namespace's objects, or (without a namespace) of all objects."""
        parts = [self.api]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts += [self.plural, quote(name, safe=""), subresource]
        return "/" + "/".join(part for part in parts if part)


PODS: Final = Resource("api/v1", "pods")
SERVICES: Final = Resource("api/v1", "services")
CONFIG_MAPS: Final = Resource("api/v1", "configmaps")
SECRETS: Final = Resource("api/v1", "secrets")
EVENTS: Final = Resource("api/v1", "events")
DEPLOYMENTS: Final = Resource("apis/apps/v1", "deployments")
LEASES: Final = Resource("apis/coordination.k8s.io/v1", "leases")
JOBS: Final = Resource(f"apis/{GROUP}/{VERSION}", PLURAL)


class KubeClient:
    """Requests to the API server; every method raises a KubeError of `kube_errors` when it does not succeed.

    A create or patch is sent once: what became of it when no answer came is found out by whoever tries again.
    """

    def __init__(
        self,
        connection: Connection,
        count: Count,
        may_write: Callable[[], float] = lambda: REQUEST_SECONDS,
        user_agent: str = USER_AGENT,
    ) -> None:
        """Make a client.

        Args:
            connection: how the API server is reached.
            count: is told verb, resource and HTTP status of every finished request.
            may_write: says for how many seconds writes are allowed; those of the Lease always are.
            user_agent: how the client calls itself.
        """
        self._connection = connection
        self._user_agent = user_agent
        self._count = count
        self._may_write = may_write

    async def list(
        self, resource: Resource, namespace: str, *, selector: str = "", limit: int = 0, token: str = ""
    ) -> Object:
        """Read the objects of a namespace (of all with ""), at most `limit`; `token` continues an earlier list."""
        query = {"labelSelector": selector, "limit": str(limit or ""), "continue": token}
        return await self._call("GET", "list", resource, resource.path(namespace), query)

    async def get(self, resource: Resource, namespace: str, name: str, timeout: float = REQUEST_SECONDS) -> Object:
        """Read one object."""
        return await self._call("GET", "get", resource, resource.path(namespace, name), timeout=timeout)

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object and return it as it is stored."""
        path, timeout = resource.path(namespace), self._allowed()
        return await self._call("POST", "create", resource, path, body=body, timeout=timeout)

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str, grace_seconds: int, version: str = ""
    ) -> Object:
        """Delete the object of this name if it still has this uid, and version if one is given; else ConflictError."""
        path, timeout = resource.path(namespace, name), self._allowed()
        body = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "gracePeriodSeconds": grace_seconds,
            "propagationPolicy": BACKGROUND_DELETION,
            "preconditions": {"uid": uid, **({"resourceVersion": version} if version else {})},
        }
        return await self._call("DELETE", "delete", resource, path, body=body, timeout=timeout)

    async def patch(
        self, resource: Resource, namespace: str, name: str, body: Object, *, subresource: str = ""
    ) -> Object:
        """Merge a patch into an object, or into one of its subresources, and return the object."""
        path, timeout = resource.path(namespace, name, subresource), self._allowed()
        return await self._call("PATCH", "patch", resource, path, body=body, content_type=_MERGE_PATCH, timeout=timeout)

    async def elect(self, method: str, namespace: str, name: str, body: Object, timeout: float) -> Object:
        """Create (POST) or replace (PUT) a Lease; the one write that needs no lease."""
        verb = {"POST": "create", "PUT": "update"}[method]
        path = LEASES.path(namespace, name if method == "PUT" else "")
        return await self._call(method, verb, LEASES, path, body=body, timeout=timeout)

    async def watch(
        self, resource: Resource, namespace: str, *, selector: str, version: str, seconds: int, silence: float
    ) -> AsyncGenerator[Object, None]:
        """Yield the events of a watch until the server ends it.

        Args:
            resource: the kind of objects.
            namespace: the namespace; empty for all.
            selector: the label selector of the objects that are wanted.
            version: the resource version from which on changes are wanted.
            seconds: after how long the server is asked to end the watch.
            silence: seconds without a byte after which the connection counts as dead.

        Raises:
            TransientError: when the connection breaks or is silent for too long.
            ValueError: when an event is no JSON.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": selector,
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        timeout = aiohttp.ClientTimeout(total=seconds + REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        response = await self._send("GET", "watch", resource, resource.path(namespace), query, timeout)
        try:
            async for line in _lines(response.content, silence):
                yield from_json(line)
        finally:
            # Abandoning the body closes the connection; releasing it would wait for the stream's end.
            response.close()

    def _allowed(self) -> float:
        """Return how long a write may take: none may still be under way when another operator begins."""
        if (seconds := self._may_write()) <= 0:
            raise FencedError("The lease is not held, so nothing is written.")
        return min(seconds, REQUEST_SECONDS)

    async def _call(
        self,
        method: str,
        verb: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Object | None = None,
        content_type: str = _JSON,
        timeout: float = REQUEST_SECONDS,
    ) -> Object:
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_SECONDS))
        response = await self._send(method, verb, resource, path, query or {}, limits, body, content_type)
        return _object(await _translated(response.read()))

    async def _send(
        self,
        method: str,
        verb: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        body: Object | None = None,
        content_type: str = _JSON,
    ) -> aiohttp.ClientResponse:
        headers = {"User-Agent": self._user_agent, "Accept": _JSON, "Content-Type": content_type}
        wanted = urlencode({name: value for name, value in query.items() if value})
        url = self._connection.server + path + (f"?{wanted}" if wanted else "")
        try:
            if authorization := await self._connection.authorization():
                headers["Authorization"] = authorization
            answer = await _translated(
                self._connection.client.call_api(method, url, headers, body, _request_timeout=timeout)
            )
        except TransientError:
            self._count(verb, resource.plural, "none")
            raise
        response: aiohttp.ClientResponse = answer.response
        self._count(verb, resource.plural, str(response.status))
        if response.status >= 400:
            await self._raise(response)
        return response

    async def _raise(self, response: aiohttp.ClientResponse) -> None:
        if response.status == 401:
            await self._connection.renew()
        text = await _translated(response.read())
        try:
            body = from_json(text)
        except ValueError:
            body = {}
        raise error_of(response.status, body if isinstance(body, dict) else {}, response.headers)


async def _translated(request: Awaitable[_T]) -> _T:
    try:
        return await request
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TransientError(f"No answer from the API server: {_words(error)}") from error


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _object(text: bytes) -> Object:
    try:
        value = from_json(text)
    except ValueError as error:
        raise TransientError(f"The API server's answer is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise TransientError("The API server's answer is no object.")
    return value


async def _lines(stream: aiohttp.StreamReader, silence: float) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length; aiohttp's own iteration refuses long ones."""
    rest = b""
    while True:
        try:
            async with asyncio.timeout(silence):
                chunk = await stream.readany()
        except TimeoutError as error:
            raise TransientError(f"The watch was silent for {silence:.0f} s.", reason=SILENT) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"The watch broke: {_words(error)}") from error
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
