"""An API server in memory, under the real client: what is stored, what is refused, and what was asked."""

import asyncio
import copy
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

from tests.support.builders import CREATED
from trainingjob.api.times import format_time
from trainingjob.controller.connection import Connection
from trainingjob.controller.kube import JOBS, REQUEST_SECONDS, KubeClient, Object, Resource
from trainingjob.controller.kube_errors import AlreadyExistsError, ConflictError, KubeError, NotFoundError

Fault = Callable[[str, str], KubeError | None]
"""Takes verb and name of a request; the error that it returns is raised instead of an answer."""


def ignore(*_: object) -> None:
    """Take whatever is told and do nothing."""


class FakeKube(KubeClient):
    """Keeps objects by path; `writes` lists what was asked of it as `verb plural/name`."""

    def __init__(self, may_write: Callable[[], float] = lambda: REQUEST_SECONDS) -> None:
        super().__init__(cast("Connection", None), ignore, may_write)
        self.objects: dict[str, Object] = {}
        self.requests: list[str] = []
        self.before: Fault = lambda _verb, _name: None
        """Faults of requests that are not carried out."""
        self.after: Fault = lambda _verb, _name: None
        """Faults of requests that are carried out although their answer is lost."""
        self._versions = itertools.count(1000)

    def put(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Store an object as the API server would, and return it."""
        metadata = body["metadata"] = {"namespace": namespace, **body["metadata"]}
        version = next(self._versions)
        metadata.setdefault("uid", f"uid-{version}")
        metadata.setdefault("creationTimestamp", format_time(CREATED))
        metadata["resourceVersion"] = str(version)
        self.objects[resource.path(namespace, metadata["name"])] = body
        return copy.deepcopy(body)

    def stored(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return what is stored under this name."""
        return self.objects.get(resource.path(namespace, name))

    def writes(self, verb: str = "") -> list[str]:
        """Return what was written, or only what was written with this verb."""
        return [r for r in self.requests if not r.startswith(("get ", "list ")) and r.startswith(verb)]

    async def _call(
        self,
        method: str,
        verb: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Object | None = None,
        content_type: str = "",
        timeout: float = REQUEST_SECONDS,
    ) -> Object:
        del method, query, content_type, timeout
        body = copy.deepcopy(body) if body is not None else {}
        name = body["metadata"]["name"] if verb == "create" else path.removesuffix("/status").rsplit("/", 1)[-1]
        self.requests.append(f"{verb} {resource.plural}/{name}")
        if fault := self.before(verb, name):
            raise fault
        answer = getattr(self, f"_{verb}")(resource, path.removesuffix("/status"), body)
        if fault := self.after(verb, name):
            raise fault
        return cast("Object", copy.deepcopy(answer))

    def _get(self, _: Resource, path: str, __: Object) -> Object:
        if path not in self.objects:
            raise NotFoundError(f"{path} not found", status=404)
        return self.objects[path]

    def _list(self, _: Resource, path: str, __: Object) -> Object:
        items = [body for name, body in self.objects.items() if name.rsplit("/", 1)[0] == path]
        return {"items": items, "metadata": {"resourceVersion": str(next(self._versions))}}

    async def watch(
        self, resource: Resource, namespace: str, *, selector: str, version: str, seconds: int, silence: float
    ) -> AsyncGenerator[Object, None]:
        """Tell of nothing, for ever."""
        del resource, namespace, selector, version, seconds, silence
        await asyncio.Event().wait()
        yield {}

    def _create(self, resource: Resource, path: str, body: Object) -> Object:
        if f"{path}/{body['metadata']['name']}" in self.objects:
            raise AlreadyExistsError("already exists", status=409, reason="AlreadyExists")
        return self.put(resource, path.split("/")[-2], body)

    def _update(self, resource: Resource, path: str, body: Object) -> Object:
        self._expect(path, body["metadata"])
        return self.put(resource, path.split("/")[-3], body)

    def _patch(self, resource: Resource, path: str, body: Object) -> Object:
        stored = self._expect(path, body.get("metadata") or {})
        body.pop("metadata", None)
        return self.put(resource, path.split("/")[-3], merge(stored, body))

    def _delete(self, resource: Resource, path: str, body: Object) -> Object:
        stored = self._expect(path, body["preconditions"])
        if resource == JOBS and not stored["metadata"].get("finalizers"):
            # Nothing has to end before a custom resource is gone.
            return {"kind": "Status", "status": "Success", "details": self.objects.pop(path)["metadata"]}
        stored["metadata"]["deletionTimestamp"] = format_time(CREATED)
        return self.put(resource, path.split("/")[-3], stored)

    def _expect(self, path: str, metadata: Mapping[str, Any]) -> Object:
        stored = self._get(cast("Resource", None), path, {})
        for name in ("uid", "resourceVersion"):
            if metadata.get(name, stored["metadata"][name]) != stored["metadata"][name]:
                raise ConflictError("it was changed", status=409, reason="Conflict")
        return stored


def merge(stored: Object, patch: Mapping[str, Any]) -> Object:
    """Apply a JSON merge patch (RFC 7386)."""
    result = dict(stored)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            old = result.get(name)
            result[name] = merge(old if isinstance(old, dict) else {}, value)
        else:
            result[name] = value
    return result
