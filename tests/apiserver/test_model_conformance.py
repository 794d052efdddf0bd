"""The model of the API server against a real one: the same requests, the same answers, the same events."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random, SystemRandom
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.both_servers import Body, ModelSide, Operation, RealSide
from tests.support.random_operations import SELECTOR, node_of, random_operations
from tests.support.user import User
from trainingjob.controller.kube import CONFIG_MAPS, JOBS, PODS, Resource

pytestmark = pytest.mark.apiserver

SEED = "TRAININGJOB_MODEL_SEED"
"""A seed to play again; without it every run plays new ones beside those that are fixed."""
OPERATIONS = 150
GARBAGE_SECONDS = 60
KINDS = (PODS, JOBS, CONFIG_MAPS)
WATCHED = ((PODS, ""), (PODS, SELECTOR), (JOBS, ""), (JOBS, SELECTOR), (CONFIG_MAPS, ""))


class Stage:
    """Both servers and their watches, for one chain of operations."""

    def __init__(self, real: RealSide, namespace: str) -> None:
        self.real = real
        self.model = ModelSide(namespace, real.prefix)
        self.played: list[str] = []

    async def play(self, operations: list[Operation]) -> None:
        """Carry out operations on both and compare what can be seen of them."""
        last = f"{self.real.prefix}-last"
        heard = [await self.real.watch(resource, selector, last) for resource, selector in WATCHED]
        watches = [self.model.watch(resource, selector) for resource, selector in WATCHED]
        try:
            for operation in operations:
                await self._compare(operation)
            for resource in KINDS:
                await self.real.perform(_marker(resource, last))
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
        self._same("answer", model, real)
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

    def _told(self, side: Any, resource: Resource, events: list[Body]) -> dict[str, list[object]]:
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


def _text(value: object) -> str:
    return json.dumps(value, default=str, indent=1) if isinstance(value, dict) else str(value)


def _marker(resource: Resource, name: str) -> Operation:
    operations = random_operations(Random(0), 1000, "x")  # noqa: S311  # plays, and guards nothing
    found = next(o for o in operations if o.verb == "create" and o.resource is resource and not o.owner)
    body = {**found.body, "metadata": {"name": name, "labels": {"team": "a"}}}
    return Operation("create", resource, name, body)


@asynccontextmanager
async def real_side(cluster: Cluster, namespace: str, prefix: str) -> AsyncIterator[RealSide]:
    """Return the real server with a node that nobody misses for five minutes; nothing is left of either."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node_of(prefix)}}
    async with RealSide(str(cluster.kubeconfig), namespace, prefix) as real:
        await real.call("POST", "/api/v1/nodes", node)
        try:
            yield real
        finally:
            await real.clear(*KINDS)
            await real.call("DELETE", f"/api/v1/nodes/{node_of(prefix)}")


async def conform(cluster: Cluster, user: User, seed: int) -> None:
    """Play the chain of a seed on both servers."""
    prefix = f"s{seed}"
    async with real_side(cluster, user.namespace, prefix) as real:
        stage = Stage(real, user.namespace)
        try:
            await stage.play(list(random_operations(Random(seed), OPERATIONS, prefix)))  # noqa: S311  # plays only
        except AssertionError as error:
            raise AssertionError(f"{SEED}={seed}\n{error}") from None


def seeds(count: int) -> list[int]:
    """Return the seed that was asked for, or new ones."""
    if asked := os.environ.get(SEED):
        return [int(asked)]
    return [SystemRandom().randrange(10**9) for _ in range(count)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_fixed_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User, seed: int) -> None:
    await conform(cluster, shared_user, seed)


async def test_new_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User) -> None:
    for seed in seeds(2):
        await conform(cluster, shared_user, seed)


@pytest.mark.long
async def test_many_new_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User) -> None:
    for seed in seeds(60):
        await conform(cluster, shared_user, seed)
