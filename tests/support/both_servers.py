"""One language for two servers: the model of the API server and a real one, whose answers are made comparable."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import aiohttp

from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.controller.connection import Connection, connect
from trainingjob.controller.kube import JOBS, PODS, Resource
from trainingjob.controller.kube_errors import KubeError
from trainingjob.testing import Garbage, ModelServer, Watch

Body = dict[str, Any]
NOBODY = "00000000-0000-4000-8000-00000000dead"
"""The uid of an object that never was."""
NO_VERSION = "999999999"
"""A resource version that no object has."""


@dataclass(frozen=True)
class Operation:
    """One request, in words that mean the same on both servers."""

    verb: str
    """create, get, list, patch, status (a patch of that subresource), delete or bind."""
    resource: Resource
    name: str = ""
    body: Body = field(default_factory=dict)
    uid: str = ""
    """Of a patch or delete: last (the last one known of the name), first or wrong; empty for none."""
    version: str = ""
    """The same for the resource version."""
    grace: int | None = None
    owner: str = ""
    """Of a create: the name of the TrainingJob or ConfigMap that owns it, or of none."""
    selector: str = ""


@dataclass(frozen=True)
class Answer:
    """What a server has answered, without what cannot be the same."""

    status: int
    reason: str
    body: object
    said: str = field(default="", compare=False)
    """The server's own words of an error, for people."""


class Side:
    """One of the two servers, with what it has told of uids and versions."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        """What the names of the objects begin with that count; others a cluster makes for itself."""
        self._uids: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._known: dict[tuple[str, str], list[tuple[str, str]]] = {}

    async def perform(self, operation: Operation) -> Answer:
        """Carry out an operation and return the answer."""
        status, body = await self.request(operation, self._resolved(operation))
        if status >= 300:
            return Answer(status, str(body.get("reason")), None, str(body.get("message")))
        if operation.verb == "list":
            return Answer(
                status, "", [self.plain(operation.resource, item) for item in body["items"] if self.owns(item)]
            )
        if body.get("kind") == "Status":
            return Answer(status, "", body.get("status"))
        plain = self.plain(operation.resource, body)
        metadata = body["metadata"]
        uid, version = metadata["uid"], metadata["resourceVersion"]
        self._known.setdefault((operation.resource.plural, metadata["name"]), []).append((uid, version))
        moved = self._versions.get(uid) != int(version)
        self._versions[uid] = int(version)
        return Answer(status, "", {**plain, "is new": moved})

    async def request(self, operation: Operation, body: Body) -> tuple[int, Body]:
        """Send a request; return its status and the answer or the error's Status."""
        raise NotImplementedError

    def owns(self, body: Body) -> bool:
        """Say whether an object counts."""
        return str(body["metadata"]["name"]).startswith(self.prefix)

    def plain(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        """Return of an object what has to be the same on both servers."""
        metadata = body["metadata"]
        owners = metadata.get("ownerReferences") or []
        found = {
            "name": metadata["name"],
            "uid": self._uids.setdefault(metadata["uid"], f"uid {len(self._uids)}"),
            "labels": metadata.get("labels") or {},
            "finalizers": metadata.get("finalizers") or [],
            "owners": [self._uids.get(owner["uid"], "nobody") for owner in owners],
            "grace": metadata.get("deletionGracePeriodSeconds"),
            "deleting": "deletionTimestamp" in metadata,
        }
        if resource == PODS:
            return {**found, "node": body["spec"].get("nodeName") or "", "phase": body["status"]["phase"]}
        if resource == JOBS:
            return {**found, "generation": metadata["generation"], "spec": body["spec"], "status": body["status"]}
        return {**found, "data": body.get("data") or {}}

    def _resolved(self, operation: Operation) -> Body:
        """Return the body of a request in which names of versions and uids are those of this server."""
        known = self._known.get((operation.resource.plural, operation.name)) or [(NOBODY, NO_VERSION)]
        choice = {"last": known[-1], "first": known[0], "wrong": (NOBODY, NO_VERSION)}
        found: Body = {}
        if operation.uid:
            found["uid"] = choice[operation.uid][0]
        if operation.version:
            found["resourceVersion"] = choice[operation.version][1]
        if operation.verb == "delete":
            grace = {} if operation.grace is None else {"gracePeriodSeconds": operation.grace}
            return {"propagationPolicy": "Background", "preconditions": found, **grace}
        metadata = {**operation.body.get("metadata", {}), **found}
        if operation.owner:
            metadata["ownerReferences"] = [self._owner(operation.owner)]
        return {**operation.body, **({"metadata": metadata} if metadata else {})}

    def _owner(self, name: str) -> Body:
        for plural, api, kind in (("trainingjobs", API_VERSION, KIND), ("configmaps", "v1", "ConfigMap")):
            if known := self._known.get((plural, name)):
                return {"apiVersion": api, "kind": kind, "name": name, "uid": known[-1][0]}
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": NOBODY}


class ModelSide(Side):
    """The model."""

    def __init__(self, namespace: str, prefix: str) -> None:
        super().__init__(prefix)
        self.server = ModelServer(lambda: datetime.now(UTC))
        self._namespace = namespace

    async def request(self, operation: Operation, body: Body) -> tuple[int, Body]:
        """Ask the model."""
        try:
            return (201 if operation.verb in ("create", "bind") else 200), self._ask(operation, body)
        except KubeError as error:
            return error.status, {"reason": error.reason, "message": str(error)}

    def _ask(self, operation: Operation, body: Body) -> Body:
        server, resource, place = self.server, operation.resource, (self._namespace, operation.name)
        match operation.verb:
            case "create":
                return server.create(resource, self._namespace, body)
            case "get":
                return server.get(resource, *place)
            case "list":
                return server.list(resource, self._namespace, selector=operation.selector)
            case "patch":
                return server.patch(resource, *place, body)
            case "status":
                return server.patch(resource, *place, body, subresource="status")
            case "bind":
                server.bind(*place, body["target"]["name"])
                return {"kind": "Status", "status": "Success"}
        meant = body["preconditions"]
        uid, version = meant.get("uid", ""), meant.get("resourceVersion", "")
        return server.delete(resource, *place, uid=uid, version=version, grace_seconds=body.get("gracePeriodSeconds"))

    def collect(self) -> int:
        """Play the garbage collector until nothing is left to it; return how many objects it has deleted."""
        collected = 0
        while found := self.server.garbage():
            collected += len(found)
            self._collect(found)
        return collected

    def _collect(self, found: Iterable[Garbage]) -> None:
        for item in found:
            self.server.collect(item)

    def watch(self, resource: Resource, selector: str) -> Watch:
        """Return a watch of the namespace from now on."""
        return self.server.watch(resource, self._namespace, selector=selector, version=self.server.version)


class RealSide(Side):
    """A real API server; use it as a context manager."""

    def __init__(self, kubeconfig: str, namespace: str, prefix: str) -> None:
        super().__init__(prefix)
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._connection: Connection
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> "RealSide":
        self._connection = await connect(self._kubeconfig)
        self._session = self._connection.session([])
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._connection.close()

    async def clear(self, *resources: Resource) -> None:
        """Take away what holds objects, so that they can go with their namespace."""
        for resource in resources:
            _, page = await self.call("GET", resource.path(self._namespace))
            for item in page["items"]:
                if item["metadata"].get("finalizers"):
                    path = resource.path(self._namespace, item["metadata"]["name"])
                    await self.call("PATCH", path, {"metadata": {"finalizers": None}})

    async def request(self, operation: Operation, body: Body) -> tuple[int, Body]:
        """Ask the API server."""
        verb, resource = operation.verb, operation.resource
        methods = {"create": "POST", "bind": "POST", "patch": "PATCH", "status": "PATCH", "delete": "DELETE"}
        name = "" if verb in ("create", "list") else operation.name
        path = resource.path(self._namespace, name, {"status": "status", "bind": "binding"}.get(verb, ""))
        query = {"labelSelector": operation.selector} if verb == "list" else {}
        return await self.call(methods.get(verb, "GET"), path, body if verb in methods else None, query)

    async def call(
        self, method: str, path: str, body: Body | None = None, query: Mapping[str, str] | None = None
    ) -> tuple[int, Body]:
        """Send a request; return its status and what the server answers."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        url, data = self._connection.server + path, None if body is None else json.dumps(body)
        headers = {"Content-Type": kind}
        async with self._session.request(method, url, data=data, headers=headers, params=query or {}) as answer:
            found: Body = await answer.json()
            return answer.status, found

    async def first_event(self, resource: Resource, version: str) -> Body:
        """Return the first event of a watch that goes on from a version."""
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "10"}
        async with self._session.get(self._connection.server + resource.path(self._namespace), params=query) as answer:
            found: Body = json.loads(await answer.content.readline())
            return found

    async def watch(self, resource: Resource, selector: str, last: str) -> "asyncio.Task[list[Body]]":
        """Start a watch of the namespace from now on that ends with the event that adds the object `last`."""
        _, page = await self.call("GET", resource.path(self._namespace), query={"limit": "1"})
        version = page["metadata"]["resourceVersion"]
        query = {"watch": "true", "labelSelector": selector, "resourceVersion": version, "timeoutSeconds": "300"}
        return asyncio.create_task(self._follow(resource.path(self._namespace), query, last))

    async def _follow(self, path: str, query: Mapping[str, str], last: str) -> list[Body]:
        found: list[Body] = []
        timeout = aiohttp.ClientTimeout(total=300)
        async with self._session.get(self._connection.server + path, params=query, timeout=timeout) as answer:
            async for line in answer.content:
                event: Body = json.loads(line)
                if event["object"]["metadata"]["name"] == last:
                    return found
                found.append(event)
        raise TimeoutError(f"the watch of {path} has ended before {last} came")
