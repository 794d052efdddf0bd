"""A kubelet without a node: it plays the status of pods as a test asks, and lets deleted pods end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from tests.support.background import Background
from trainingjob.api.constants import LABEL_JOB
from trainingjob.api.times import format_time
from trainingjob.controller.connection import Connection, connect
from trainingjob.controller.kube import PODS, KubeClient, Object, Resource
from trainingjob.controller.kube_errors import ConflictError, GoneError, KubeError, NotFoundError

NODES = Resource("api/v1", "nodes")
USER_AGENT = "fake-kubelet"
_HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Run:
    """What becomes of one pod."""

    exit_code: int | None = 0
    """The program's exit code; None for a program that runs until it is stopped."""
    seconds: float = 0.2
    """How long the program runs."""
    peers: tuple[str, ...] = ()
    """Names of pods that the program waits for before its seconds begin to count."""
    reason: str = ""
    """The kubelet's word for the end; empty for Completed or Error."""
    after: tuple[str, ...] = ()
    """Names of pods whose programs must have ended before."""
    message: str = ""
    """The program's last words."""
    waiting: str = ""
    """The reason why the container never starts, such as ImagePullBackOff; empty when it starts."""
    unschedulable: str = ""
    """The scheduler's message that no node fits; empty when one does."""
    held: bool = False
    """Whether nothing at all happens to the pod."""
    stop_seconds: float = 0.0
    """How long the program takes to end after it was told to."""


Script = Callable[[Object], Run]
"""Takes a pod and says what becomes of it."""


class FakeKubelet:
    """Plays the pods of one namespace in a thread of its own; use it as a context manager."""

    def __init__(self, kubeconfig: Path, namespace: str, script: Script = lambda _: Run()) -> None:
        self.script = script
        """May be replaced at any time; a pod follows what was asked when it was first seen."""
        self.seen: dict[str, list[str]] = {}
        """The uids of every pod that was ever seen, by name."""
        self.ended: set[str] = set()
        """The names of the pods whose programs have ended by themselves."""
        self._kubeconfig = str(kubeconfig)
        self._namespace = namespace
        self._background = Background()
        self._node = f"fake-{uuid4().hex[:8]}"
        self._plays: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Task[None]] = {}
        self._connection: Connection
        self._client: KubeClient

    def __enter__(self) -> "FakeKubelet":
        self._background.__enter__()
        self._background.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.run(self._stop())
        self._background.__exit__(kind, error, trace)

    async def _start(self) -> None:
        self._connection = await connect(self._kubeconfig)
        self._client = KubeClient(self._connection, lambda *_: None, user_agent=USER_AGENT)
        await self._client.create(NODES, "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._node}})
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._follow())]

    async def _stop(self) -> None:
        tasks = [*self._tasks, *self._plays.values(), *self._stops.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # An API server that is away must not hide why the test has ended.
        with suppress(KubeError):
            node = await self._client.get(NODES, "", self._node)
            await self._client.delete(NODES, "", self._node, node["metadata"]["uid"], 0)
        await self._connection.close()

    async def _beat(self) -> None:
        """Keep the node Ready, or the node controller would evict its pods."""
        while True:
            now = format_time(datetime.now(UTC))
            ready = {"type": "Ready", "status": "True", "reason": "Fake", "lastHeartbeatTime": now}
            try:
                body = {"status": {"conditions": [ready], "capacity": {"pods": "100000"}}}
                await self._client.patch(NODES, "", self._node, body, subresource="status")
            except KubeError:
                await asyncio.sleep(0.5)
                continue
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def _follow(self) -> None:
        version = ""
        while True:
            try:
                version = version or await self._list()
                watch = self._client.watch(
                    PODS, self._namespace, selector=LABEL_JOB, version=version, seconds=240, silence=90
                )
                async for event in watch:
                    body = event["object"]
                    if event["type"] == "ERROR":
                        raise GoneError("the watch has ended with an error")
                    version = body["metadata"]["resourceVersion"]
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._see(body)
            except (GoneError, ValueError):
                version = ""
            except KubeError:
                await asyncio.sleep(0.2)

    async def _list(self) -> str:
        page = await self._client.list(PODS, self._namespace, selector=LABEL_JOB)
        for body in page["items"]:
            self._see(body)
        return str(page["metadata"]["resourceVersion"])

    def _see(self, pod: Object) -> None:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        uids = self.seen.setdefault(name, [])
        if uid not in uids:
            uids.append(uid)
        if "deletionTimestamp" in pod["metadata"]:
            if uid not in self._stops:
                self._stops[uid] = asyncio.create_task(self._end(pod))
        elif uid not in self._plays and _phase(pod) not in ("Succeeded", "Failed"):
            self._plays[uid] = asyncio.create_task(self._again_and_again(pod, self.script(pod)))

    async def _again_and_again(self, pod: Object, run: Run) -> None:
        """Play a pod to its end, whatever the API server does meanwhile."""
        while True:
            try:
                await self._play(pod, run)
            except (NotFoundError, ConflictError):
                return
            except KubeError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _play(self, pod: Object, run: Run) -> None:
        if run.held:
            return
        if run.unschedulable:
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            await self._status(pod, {"conditions": [{**condition, "message": run.unschedulable}]})
            return
        await self._bind(pod)
        if run.waiting:
            await self._status(pod, _container("Pending", {"waiting": {"reason": run.waiting, "message": run.message}}))
            return
        begun = format_time(datetime.now(UTC))
        await self._status(pod, _container("Running", {"running": {"startedAt": begun}}))
        if run.exit_code is not None:
            while not (self.seen.keys() >= set(run.peers) and self.ended >= set(run.after)):
                await asyncio.sleep(0.05)
            await asyncio.sleep(run.seconds)
            await self._status(pod, _ended(run.exit_code, run.reason, run.message, begun))
            self.ended.add(pod["metadata"]["name"])

    async def _bind(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self._node},
        }
        try:
            await self._client.create(Resource(PODS.api, f"namespaces/{self._namespace}/pods/{name}/binding"), "", body)
        except ConflictError:
            # It was bound before the API server went away.
            return

    async def _end(self, pod: Object) -> None:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        if play := self._plays.get(uid):
            play.cancel()
        await asyncio.sleep(self.script(pod).stop_seconds)
        while True:
            try:
                if _phase(pod) == "Running":
                    begun = format_time(datetime.now(UTC))
                    await self._status(pod, _ended(143, "Error", "", begun))
                await self._client.delete(PODS, self._namespace, name, uid, 0)
            except (NotFoundError, ConflictError):
                return
            except KubeError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _status(self, pod: Object, status: dict[str, Any]) -> None:
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        await self._client.patch(PODS, self._namespace, pod["metadata"]["name"], body, subresource="status")


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _ended(code: int, reason: str, message: str, begun: str) -> dict[str, Any]:
    ended = {
        "exitCode": code,
        "reason": reason or ("Error" if code else "Completed"),
        "message": message,
        "startedAt": begun,
        "finishedAt": format_time(datetime.now(UTC)),
    }
    return _container("Failed" if code else "Succeeded", {"terminated": ended})


def _container(phase: str, state: dict[str, Any]) -> dict[str, Any]:
    ready = "running" in state
    status = {"name": "main", "image": "x", "imageID": "", "ready": ready, "restartCount": 0, "state": state}
    word = "True" if ready else "False"
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": word}]
    return {"phase": phase, "containerStatuses": [status], "conditions": conditions}
