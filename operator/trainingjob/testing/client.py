"""The operator's client over the model: the same methods, and one place where a request can meet its fate."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from trainingjob.controller.kube import REQUEST_SECONDS, Resource
from trainingjob.testing.objects import Body
from trainingjob.testing.server import ModelServer


class Request(NamedTuple):
    """One request as it leaves the operator."""

    verb: str
    """create, get, list, patch or delete."""
    resource: Resource
    namespace: str
    name: str
    """Empty for a list."""
    body: Body | None = None
    """Of a create or patch."""
    subresource: str = ""
    uid: str = ""
    """Of a delete: the uid that is meant."""
    version: str = ""
    """Of a delete: the resource version that is meant; empty for any."""
    grace_seconds: int | None = None
    """Of a delete."""

    @property
    def writes(self) -> bool:
        """Say whether the request changes anything."""
        return self.verb not in ("get", "list")


Perform = Callable[[], Body]
"""Carries a request out and returns the answer, or raises a KubeError; to be called once at most."""
Travel = Callable[[Request, Perform], Awaitable[Body]]
"""Takes a request to the server and its answer back; it may delay, refuse or lose either, or never come back."""


async def straight(_: Request, perform: Perform) -> Body:
    """Carry a request out at once."""
    return perform()


class ModelClient:
    """Requests to a model of the API server, with the methods of the operator's own `KubeClient`.

    Every request awaits `travel` once, and nothing else.
    """

    def __init__(self, server: ModelServer, travel: Travel = straight) -> None:
        self._server = server
        self._travel = travel

    async def list(
        self, resource: Resource, namespace: str, *, selector: str = "", limit: int = 0, token: str = ""
    ) -> Body:
        """Read the objects of a namespace (of all with ""), at most `limit`; `token` continues an earlier list."""
        request = Request("list", resource, namespace, "")
        return await self._travel(
            request, lambda: self._server.list(resource, namespace, selector=selector, limit=limit, token=token)
        )

    async def get(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        timeout: float = REQUEST_SECONDS,  # noqa: ARG002  # what a request's travel takes is its owner's to say
    ) -> Body:
        """Read one object."""
        request = Request("get", resource, namespace, name)
        return await self._travel(request, lambda: self._server.get(resource, namespace, name))

    async def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        """Create an object and return it as it is stored."""
        request = Request("create", resource, namespace, body["metadata"]["name"], body)
        return await self._travel(request, lambda: self._server.create(resource, namespace, body))

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str, grace_seconds: int, version: str = ""
    ) -> Body:
        """Delete the object of this name if it still has this uid, and version if one is given; else ConflictError."""
        request = Request("delete", resource, namespace, name, None, "", uid, version, grace_seconds)
        return await self._travel(
            request,
            lambda: self._server.delete(
                resource, namespace, name, uid=uid, version=version, grace_seconds=grace_seconds
            ),
        )

    async def patch(self, resource: Resource, namespace: str, name: str, body: Body, *, subresource: str = "") -> Body:
        """Merge a patch into an object, or into one of its subresources, and return the object."""
        request = Request("patch", resource, namespace, name, body, subresource)
        return await self._travel(
            request, lambda: self._server.patch(resource, namespace, name, body, subresource=subresource)
        )
