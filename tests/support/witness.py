"""A direct look at what the API server stores, judged by the invariants that the simulator is held to."""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support import api_proxy
from tests.support.background import Background
from trainingjob.controller.connection import Connection, connect
from trainingjob.controller.kube import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    SECRETS,
    SERVICES,
    KubeClient,
    Object,
    Resource,
)
from trainingjob.controller.kube_errors import GoneError, KubeError, error_of
from trainingjob.testing import Judge, Merge, Write

WATCHED = (JOBS, PODS, SERVICES, CONFIG_MAPS, SECRETS, DEPLOYMENTS)
CATCH_UP_SECONDS = 60.0


class Witness:
    """Follows a namespace's jobs and their children in a thread of its own; use it as a context manager.

    What it hears goes to a `Judge` in the order of resource versions, together with the writes of an operator.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.jobs: dict[str, Object] = {}
        """Every TrainingJob by its uid as it was last, also those that are gone."""
        self._objects: dict[str, dict[str, Object]] = {resource.plural: {} for resource in WATCHED}
        self._judge = Judge()
        self._merge = Merge([resource.plural for resource in WATCHED])
        self._lock = threading.RLock()
        self._sent: list[Write] = []
        """Writes after the last one whose answer had a version."""
        self._answered = 0
        """The newest version in an answer."""
        self._kubeconfig = str(kubeconfig)
        self._namespace = namespace
        self._failed: list[BaseException] = []
        self._background = Background()
        self._connection: Connection
        self._client: KubeClient

    def __enter__(self) -> "Witness":
        self._background.__enter__()
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())
        self._background.__exit__()

    def seen(self, resource: Resource) -> dict[str, Object]:
        """Return what exists of a resource, by name."""
        with self._lock:
            return dict(self._objects[resource.plural])

    def wrote(self, write: api_proxy.Write) -> None:
        """Take a write of the operator; may be called in any thread."""
        with self._lock:
            sent = Write.of_http(write.method, write.path, write.body or None, write.status, write.answer or None)
            if sent is not None:
                self._sent.append(sent)
            if sent is not None and sent.at:
                self._answered = max(self._answered, sent.at)
                self._hand_on(self._answered)

    def violations(self) -> list[str]:
        """Hear all that has happened until now and return what was wrong with it."""
        self._background.run(self._catch_up(), CATCH_UP_SECONDS)
        with self._lock:
            for kind, resource, body in self._merge.ready():
                self._judge.changed(kind, resource, body)
            self._hand_on(0)
            return [f"invariant {found.number}: {found.sentence}" for found in self._judge.violations]

    def rest(self, resting: bool) -> None:
        """Say whether all has come to rest, from which moment on every write is one too many."""
        if resting:
            self.violations()
        with self._lock:
            if resting:
                self._judge.at_rest(datetime.now(UTC))
            else:
                self._judge.disturbed()

    def _hand_on(self, version: int) -> None:
        """Hand on writes at the newest version that their sender may have known; 0 is all that was heard here.

        The version in an answer of its own may be too old: a delete that comes after another one, or at the same time,
        is answered with the pod as it was before.
        """
        for write in self._sent:
            self._judge.wrote(write._replace(at=version))
        self._sent.clear()

    async def _start(self) -> None:
        self._connection = await connect(self._kubeconfig)
        self._client = KubeClient(self._connection, lambda *_: None, user_agent="witness")
        self._tasks = []
        for resource in WATCHED:
            page = await self._client.list(resource, self._namespace)
            for body in sorted(page["items"], key=_version):
                self._hear(resource, {"type": "ADDED", "object": body})
            self._pass(resource, page["metadata"]["resourceVersion"])
            version = page["metadata"]["resourceVersion"]
            self._tasks.append(asyncio.create_task(self._follow(resource, version)))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.close()

    async def _follow(self, resource: Resource, version: str) -> None:
        while True:
            try:
                watch = self._client.watch(
                    resource, self._namespace, selector="", version=version, seconds=240, silence=90
                )
                async with aclosing(watch):
                    async for event in watch:
                        body = event["object"]
                        if event["type"] == "ERROR":
                            raise error_of(body.get("code") or 500, body, {})
                        version = body["metadata"]["resourceVersion"]
                        self._hear(resource, event)
            except GoneError as error:
                # What happened meanwhile is lost, so that nothing can be judged any more.
                self._failed.append(error)
                return
            except KubeError:
                await asyncio.sleep(0.2)

    def _hear(self, resource: Resource, event: Mapping[str, Any]) -> None:
        with self._lock:
            self._merge.add(resource.plural, event)
            body = event["object"]
            if event["type"] == "BOOKMARK":
                return
            known = self._objects[resource.plural]
            if event["type"] == "DELETED":
                known.pop(body["metadata"]["name"], None)
            else:
                known[body["metadata"]["name"]] = body
            if resource == JOBS:
                self.jobs[body["metadata"]["uid"]] = body

    def _pass(self, resource: Resource, version: str) -> None:
        """Say that nothing earlier than a version will come."""
        with self._lock:
            self._merge.add(resource.plural, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}})

    async def _catch_up(self) -> None:
        """Wait until every watch has told what a list of the moment shows."""
        for resource in WATCHED:
            while True:
                page = await self._client.list(resource, self._namespace)
                if _versions(page["items"]) == _versions(self.seen(resource).values()):
                    break
                if self._failed:
                    raise self._failed[0]
                await asyncio.sleep(0.05)
            self._pass(resource, page["metadata"]["resourceVersion"])


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


def _versions(bodies: Iterable[Object]) -> dict[str, int]:
    return {body["metadata"]["name"]: _version(body) for body in bodies}
