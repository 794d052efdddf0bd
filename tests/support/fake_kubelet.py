"""A kubelet without a node: it plays the status of pods as a test asks, and lets deleted pods end."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from tests.support.background import Background
from tests.support.fake_sidecars import Upload, prepares, report_of, uploads, words_of
from tests.support.pod_statuses import (
    ended,
    init_failed,
    init_steps,
    initializing,
    now,
    others_conditions,
    phase_of,
    prepared,
    reported,
    running,
    waiting,
)
from trainingjob.api.constants import LABEL_JOB
from trainingjob.controller.connection import Connection, connect
from trainingjob.controller.kube import PODS, KubeClient, Object, Resource
from trainingjob.controller.kube_errors import ConflictError, GoneError, KubeError, NotFoundError

NODES = Resource("api/v1", "nodes")
USER_AGENT = "fake-kubelet"
SIGTERM_CODE = 143
_UPLOAD_SECONDS = 0.2
_HEARTBEAT_SECONDS = 5.0
"""Much less than the 40 seconds after which a node counts as lost, for a busy machine misses some."""


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
    """Names of pods whose programs must have succeeded before, or what the test announces."""
    message: str = ""
    """The program's last words."""
    waiting: str = ""
    """The reason why the container never starts, such as ImagePullBackOff; empty when it starts."""
    unschedulable: str = ""
    """The scheduler's message that no node fits; empty when one does."""
    scheduled: bool = False
    """Whether a real scheduler finds the node."""
    held: bool = False
    """Whether nothing at all happens to the pod."""
    stop_after: tuple[str, ...] = ()
    """What the test announces before a program ends that was told to."""
    clean_up_seconds: float = 0.0
    """How long the pod stays after that."""
    init_exit_code: int = 0
    """The exit code of the pod's init container that is named below, or of its first; the others succeed."""
    init_failing: str = ""
    """The init container that fails; empty for the first."""
    init_message: str = ""
    """The last words of an init container that fails."""
    init_after: tuple[str, ...] = ()
    """Names of pods that must be ready before the init containers end, or what the test announces."""
    init_seconds: float = 0.0
    """How long each init container takes from then on."""
    probe_seconds: float = 0.0
    """How long the program runs before its start-up probe succeeds, where it has one."""
    upload: Upload = field(default_factory=Upload)
    """What becomes of the sidecar that uploads, where the pod has it."""


Script = Callable[[Object], Run]
"""Takes a pod and says what becomes of it."""


class FakeKubelet:
    """Plays the pods of one namespace in a thread of its own; use it as a context manager."""

    def __init__(self, kubeconfig: Path, namespace: str, script: Script = lambda _: Run()) -> None:
        self.script = script
        """May be replaced at any time; a pod follows what was asked when it was first seen."""
        self.seen: dict[str, list[str]] = {}
        """The uids of every pod that was ever seen, by name."""
        self.succeeded: set[str] = set()
        """The names of the pods whose programs have succeeded, until such a pod is deleted."""
        self.ready: set[str] = set()
        """The names of the pods that are ready."""
        self._announced: set[str] = set()
        self._kubeconfig = str(kubeconfig)
        self._namespace = namespace
        self._background = Background()
        self._node = f"fake-{uuid4().hex[:8]}"
        self._plays: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Task[None]] = {}
        self._codes: dict[str, int] = {}
        """The exit codes of programs that have ended while their sidecars went on, by the uids of their pods."""
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

    def announce(self, what: str) -> None:
        """Let everything go on that waits for this."""
        self._announced.add(what)

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
            ready = {"type": "Ready", "status": "True", "reason": "Fake", "lastHeartbeatTime": now()}
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
                async with aclosing(watch):
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
                # Its successor has the same name and has neither begun nor ended.
                self.ready.discard(name)
                self.succeeded.discard(name)
                # At once: it must not become ready after this.
                if play := self._plays.get(uid):
                    play.cancel()
                self._stops[uid] = asyncio.create_task(self._end(pod))
        elif pod["spec"].get("activeDeadlineSeconds") and uid in self._plays and uid not in self._codes:
            self._plays[uid].cancel()
            self._codes[uid] = SIGTERM_CODE
            self._plays[uid] = asyncio.create_task(self._stop_in_place(pod))
        elif uid not in self._plays and phase_of(pod) not in ("Succeeded", "Failed"):
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
        while pod["spec"].get("schedulingGates") or (run.scheduled and not pod["spec"].get("nodeName")):
            await asyncio.sleep(0.05)
            pod = await self._client.get(PODS, self._namespace, pod["metadata"]["name"])
        await self._bind(pod)
        if run.waiting:
            await self._status(pod, waiting(run.waiting, run.message))
            return
        begun = now()
        if not await self._prepare(pod, run, begun):
            return
        # The program begins when it is prepared: the launcher of an MPI job after its workers.
        await self._run(pod, run, now())

    async def _prepare(self, pod: Object, run: Run, begun: str) -> bool:
        """Play the init containers and say whether the program may begin; what a lost answer has done stays done."""
        names, name = prepares(pod), pod["metadata"]["name"]
        if not names:
            return True
        stored = await self._client.get(PODS, self._namespace, name)
        if phase_of(stored) != "Pending":
            return phase_of(stored) == "Running"
        await self._status(pod, initializing(names, begun))
        while not self.ready | self._announced >= set(run.init_after):
            await asyncio.sleep(0.05)
        if run.init_after:
            # No real pod serves others in the second in which it was made.
            await asyncio.sleep(1)
        failing = names.index(run.init_failing) if run.init_failing else 0
        for nth in range(len(names)):
            if nth:
                await self._status(pod, init_steps(names[: nth + 1], begun, {}))
            await asyncio.sleep(run.init_seconds)
            if run.init_exit_code and nth == failing:
                await self._status(pod, init_failed(names, run.init_exit_code, run.init_message, begun, nth))
                return False
        return True

    async def _run(self, pod: Object, run: Run, begun: str) -> None:
        name = pod["metadata"]["name"]
        if "startupProbe" in pod["spec"]["containers"][0]:
            await self._status(pod, _running(pod, begun, ready=False))
            await asyncio.sleep(run.probe_seconds)
        await self._status(pod, _running(pod, begun, ready=True))
        self.ready.add(name)
        if run.exit_code is not None:
            while not (self.seen.keys() >= set(run.peers) and self.succeeded | self._announced >= set(run.after)):
                await asyncio.sleep(0.05)
            await asyncio.sleep(run.seconds)
            await self._finish(pod, run, ended(run.exit_code, run.reason, run.message, begun), run.exit_code)

    async def _finish(self, pod: Object, run: Run, end: dict[str, Any], code: int) -> None:
        """End a pod's program, and after it the sidecar that uploads."""
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        beside = uploads(pod)
        if beside:
            self._codes[uid] = code
        await self._status(pod, {**end, "phase": "Running"} if beside else end)
        if code == 0:
            self.succeeded.add(name)
        if beside:
            await self._upload(pod, run, end["phase"])

    async def _upload(self, pod: Object, run: Run, phase: str) -> None:
        begun, upload = now(), run.upload
        if upload.exit_code is None:
            await asyncio.Event().wait()
        await asyncio.sleep(_UPLOAD_SECONDS)
        await self._hear(upload.after)
        state = reported(upload.exit_code or 0, report_of(pod, upload), begun)
        await self._status(pod, prepared({"phase": phase}, _words(pod), state))

    async def _hear(self, what: tuple[str, ...]) -> None:
        """Wait until the test has announced all of this."""
        while not self._announced >= set(what):
            await asyncio.sleep(0.05)

    async def _stop_in_place(self, pod: Object) -> None:
        """End a pod whose time is over, and let it stay."""
        run = self.script(pod)
        await self._hear(run.stop_after)
        end = ended(SIGTERM_CODE, "Error", "", now()) | {"reason": "DeadlineExceeded"}
        await self._finish(pod, run, end, SIGTERM_CODE)

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
        await self._hear(self.script(pod).stop_after)
        while True:
            try:
                if phase_of(pod) == "Running" and uid not in self._codes:
                    await self._finish(pod, self.script(pod), ended(SIGTERM_CODE, "Error", "", now()), SIGTERM_CODE)
                    await asyncio.sleep(self.script(pod).clean_up_seconds)
                await self._client.delete(PODS, self._namespace, name, uid, 0)
            except (NotFoundError, ConflictError):
                return
            except KubeError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _status(self, pod: Object, status: dict[str, Any]) -> None:
        conditions = [*status.get("conditions", ()), *others_conditions(pod)]
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {**status, "conditions": conditions}}
        await self._client.patch(PODS, self._namespace, pod["metadata"]["name"], body, subresource="status")


def _running(pod: Object, begun: str, *, ready: bool) -> dict[str, Any]:
    sidecar = {"running": {"startedAt": begun}} if uploads(pod) else None
    return prepared(running([], begun, ready=ready), _words(pod), sidecar)


def _words(pod: Object) -> dict[str, str]:
    return {name: words_of(name) for name in prepares(pod)}
