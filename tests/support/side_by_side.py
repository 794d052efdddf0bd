"""The model of the API server beside a real one: each request goes to both, and what both say is compared."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from devtools.cluster import Cluster
from tests.support.both_servers import Answer, Body, ModelSide, Operation, RealSide, Side
from tests.support.random_operations import SELECTOR, node_of, random_operations
from tests.support.user import User
from trainingjob.controller.kube import CONFIG_MAPS, JOBS, PODS, Resource

KINDS = (PODS, JOBS, CONFIG_MAPS)
WATCHED = ((PODS, ""), (PODS, SELECTOR), (JOBS, ""), (JOBS, SELECTOR), (CONFIG_MAPS, ""))
GARBAGE_SECONDS = 120
"""The garbage collector of a new cluster takes half a minute to hear of a new kind of objects."""
QUOTA_SECONDS = 60


class Stage:
    """Both servers and their watches, for one chain of operations."""

    def __init__(self, real: RealSide, namespace: str) -> None:
        self.real = real
        self.model = ModelSide(namespace, real.prefix)
        self.namespace = namespace
        self.played: list[str] = []
        self.answers: list[Answer] = []

    async def play(self, operations: list[Operation]) -> None:
        """Carry out operations on both and compare what can be seen of them."""
        last = f"{self.real.prefix}-last"
        heard = [await self.real.watch(resource, selector, last) for resource, selector in WATCHED]
        watches = [self.model.watch(resource, selector) for resource, selector in WATCHED]
        try:
            for operation in operations:
                await self._compare(operation)
            for resource in KINDS:
                await self.real.perform(plain_create(resource, last))
            events = await asyncio.wait_for(asyncio.gather(*heard), 60)
        finally:
            for task in heard:
                task.cancel()
        for (resource, selector), found, watch in zip(WATCHED, events, watches, strict=True):
            expected = []
            while event := watch.take():
                expected.append(event)
            what = f"events of {resource.plural} {selector}"
            self._same(what, self._told(self.model, resource, expected), self._told(self.real, resource, found))

    async def _compare(self, operation: Operation) -> None:
        self.played.append(str(operation))
        real, model = await self.real.perform(operation), await self.model.perform(operation)
        self.answers.append(real)
        self._same("answer", model, real)
        if real.reason == "Forbidden":
            self._same("words", model.said, real.said)
        if self.model.collect():
            await self._wait_for_garbage()

    async def _wait_for_garbage(self) -> None:
        """Wait until the real garbage collector has done what the model's has."""
        deadline = time.monotonic() + GARBAGE_SECONDS
        while True:
            left = [await self.real.perform(Operation("list", kind)) for kind in KINDS]
            wanted = [await self.model.perform(Operation("list", kind)) for kind in KINDS]
            if left == wanted:
                return
            if time.monotonic() > deadline:
                self._same("what the garbage collector leaves", wanted, left)
            await asyncio.sleep(0.05)

    def _told(self, side: Side, resource: Resource, events: list[Body]) -> dict[str, list[object]]:
        """Return the events of each object: the garbage collector works at many at once, in no order."""
        found: dict[str, list[object]] = {}
        for event in events:
            if side.owns(event["object"]):
                plain = side.plain(resource, event["object"])
                found.setdefault(plain["uid"], []).append((event["type"], plain))
        return found

    def _same(self, what: str, model: object, real: object) -> None:
        if model != real:
            played = "\n".join(self.played[-40:])
            raise AssertionError(f"{what}\nmodel: {_text(model)}\nreal:  {_text(real)}\nafter:\n{played}")

    async def both(self, operation: Operation) -> Answer:
        """Carry out one operation on both, compare the answers and return them."""
        await self._compare(operation)
        return self.answers[-1]

    async def wait_for_room(self, quota: str, used: int) -> None:
        """Wait until the real server has counted so many pods for a quota and lets another one in.

        What refuses pods hears of a new count a moment after who reads the quota.
        """
        path = Resource("api/v1", "resourcequotas").path(self.namespace, quota)
        pod = plain_create(PODS, f"{self.real.prefix}-room").body
        deadline = time.monotonic() + QUOTA_SECONDS
        while True:
            counted = (await self.real.call("GET", path))[1].get("status", {}).get("used", {}).get("pods")
            tried, _ = await self.real.call("POST", PODS.path(self.namespace), pod, query={"dryRun": "All"})
            if (counted, tried) == (str(used), 201):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"the quota {quota} counts {counted} pods, and another one is answered {tried}")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def stage_of(cluster: Cluster, user: User, prefix: str) -> AsyncIterator[Stage]:
    """Return both servers with nothing on them; the names of all objects have to begin with `prefix`."""
    async with _real_side(cluster, user.namespace, prefix) as real:
        yield Stage(real, user.namespace)


@asynccontextmanager
async def _real_side(cluster: Cluster, namespace: str, prefix: str) -> AsyncIterator[RealSide]:
    """Return the real server with a node that nobody misses for five minutes; nothing is left of either."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node_of(prefix)}}
    async with RealSide(str(cluster.kubeconfig), namespace, prefix) as real:
        await real.call("POST", "/api/v1/nodes", node)
        try:
            yield real
        finally:
            await real.clear(*KINDS)
            await real.call("DELETE", f"/api/v1/nodes/{node_of(prefix)}")


def plain_create(resource: Resource, name: str, **more: Any) -> Operation:
    operations = random_operations(Random(0), 1000, "x")
    found = next(o for o in operations if o.verb == "create" and o.resource is resource and not o.owner)
    body = {**found.body, "metadata": {"name": name, "labels": {"team": "a"}}}
    return Operation("create", resource, name, body, **more)


def _text(value: object) -> str:
    return json.dumps(value, default=str, indent=1) if isinstance(value, dict) else str(value)
