"""A whole cluster in one thread: the server, the operator, the nodes, the garbage collector, and what happens."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from tests.simulation import statuses
from tests.simulation.actions import ACTIONS
from tests.simulation.kubelet import Kubelet
from tests.simulation.loop import Clockwork
from tests.simulation.memo import Memo
from tests.simulation.process import Process, Stream
from tests.simulation.schedule import Incident, Schedule
from tests.simulation.scopes import IMAGE, JOB, SCOPES
from tests.simulation.wire import Wire
from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.controller.kube import JOBS, PODS, SERVICES, Resource
from trainingjob.testing import Body, Change, Judge, ModelClient, ModelServer, Request, Write

NAMESPACE: Final = "team"
BYSTANDER: Final = "other"
_COLLECTED_AFTER: Final = 2.0


class World:
    """One run of a schedule; `step` goes on by one event."""

    def __init__(self, schedule: Schedule, memo: Memo) -> None:
        """Set the stage: what is foreign is there already, the operator runs, the job is submitted."""
        self.scope = SCOPES[schedule.scope]
        self.decided = memo.decided
        """Job's name → what the operator's last decision on it was made from."""
        self.namespace = NAMESPACE
        self.loop = Clockwork()
        self.server = ModelServer(self.server_clock)
        self.judge = Judge()
        self.clock_offset = 0
        self.trace: list[tuple[Any, ...]] = []
        self.kubelet = Kubelet(self)
        self._told = 0
        self.resting = False
        """Whether this is the last look, at which nothing may be written."""
        self.wire = Wire(self, schedule.faults)
        self.client = ModelClient(self.server, self.wire.travel)
        self._triggers: dict[str, list[Incident]] = {}
        for incident in schedule.incidents:
            if incident.when == "":
                self.loop.after(incident.at, self._act, incident)
            elif incident.kind != "fault":
                self._triggers.setdefault(incident.when, []).append(incident)
        self.process = Process(self)
        self.lives = [self.process]
        """The operator that runs, and before it all that have died."""
        self._prepare()
        self.process.start()
        self.submit(JOB)
        if self.scope.bystander:
            self.submit(BYSTANDER)

    def server_clock(self) -> datetime:
        """Return the server's time of day, in whole seconds."""
        return statuses.moment(int(self.loop.now))

    def operator_clock(self) -> datetime:
        """Return the time of day as the operator's machine has it."""
        return statuses.moment(int(self.loop.now) + self.clock_offset)

    def submit(self, name: str) -> None:
        """Create the scope's job under this name."""
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name},
            "spec": {"image": IMAGE, **self.scope.spec},
        }
        self.server.create(JOBS, NAMESPACE, body)
        self.settle()

    def note(self, *words: Any) -> None:
        """Add a line to the trace."""
        self.trace.append((self.loop.now, *words))

    def step(self) -> bool:
        """Let the next thing happen and say whether there was one."""
        more = self.loop.step()
        if self.process.core.queue.ready:
            self.process.pump()
        return more

    def _prepare(self) -> None:
        """Put what is not the job's where the job wants to be."""
        if self.scope.quota_seconds:
            self.server.set_pod_quota(NAMESPACE, 0)
            self.loop.after(self.scope.quota_seconds, self.server.set_pod_quota, NAMESPACE, None)
        for plural, name, seconds in self.scope.foreign:
            resource = PODS if plural == PODS.plural else SERVICES
            body: dict[str, Any] = {"kind": "Pod", "metadata": {"name": name}, "spec": {}}
            uid = self.server.create(resource, NAMESPACE, body)["metadata"]["uid"]
            if seconds:
                self.loop.after(seconds, self._take_away, resource, name, uid)
        self._told = 0

    def _take_away(self, resource: Resource, name: str, uid: str) -> None:
        found = self.server.find(resource, NAMESPACE, name)
        if found is not None and found["metadata"]["uid"] == uid:
            self.server.delete(resource, NAMESPACE, name, uid=uid, grace_seconds=0)
            self.settle()

    def look_again(self) -> None:
        """Ask the operator to look at every job once more, though nothing has happened."""
        self.resting = True
        for job in self.process.core.jobs:
            self.process.core.queue.add(job.key)
        self.process.pump()

    def constants(self) -> Iterator[object]:
        """Yield what is in this world and never changes: stored objects, their parts, what was noted."""
        yield from self.trace
        for change in self.server.changes:
            yield from (change.body, *change.body.values(), *change.body["metadata"].values())

    @property
    def still(self) -> bool:
        """Say whether the operator is at work on nothing."""
        return not any(process.tasks for process in self.lives)

    def break_off(self) -> None:
        """Let nothing go on of what is in flight."""
        for process in self.lives:
            process.break_off()
        self.loop.forget()
        self.wire.forget()

    def dismantle(self) -> None:
        """Take the world apart, so that nothing of it has to be looked for by the garbage collector."""
        self.break_off()
        for process in self.lives:
            process.dismantle()
        # The store and its kinds hold each other.
        for part in (vars(self.server)["_store"], self.server, self.judge, self.kubelet, self):
            vars(part).clear()

    # What the operator sends.

    def sent(self, request: Request, status: int, answer: Body | None, what: str) -> None:
        """Take over what became of a request of the operator's."""
        self.note(request.verb, request.resource.plural, request.name, status, what)
        if not request.writes or (self.resting and status >= 400):
            # A create that somebody else's object or a quota stands against is tried again for ever.
            return
        job = self.decided.get(self._job_of(request))
        uid, basis = (job.uid, int(job.resource_version)) if job else ("", 0)
        version = (answer or {}).get("metadata", {}).get("resourceVersion", 0)
        self.judge.wrote(Write.of(request, status, at=int(version), basis=basis, job=uid))

    def _job_of(self, request: Request) -> str:
        """Return the name of the job that a write is about."""
        if request.resource == JOBS:
            return request.name
        if request.body is not None:
            owners = request.body["metadata"].get("ownerReferences")
            return str(owners[0]["name"]) if owners else ""
        return next((name for name in self.decided if request.name.startswith(f"{name}-")), "")

    def crash(self, seconds: float) -> None:
        """Kill the operator; a new process begins after so many seconds."""
        self.note("crash", seconds)
        self.process.kill()
        self.decided.clear()
        self.loop.after(max(seconds, 0.001), self._restart)

    def _restart(self) -> None:
        if self.process.alive:
            return
        self.note("restart")
        self.process = Process(self)
        self.lives.append(self.process)
        self.process.start()

    # What everybody hears.

    def settle(self) -> None:
        """Let everybody know of what has changed since the last time."""
        changes = self.server.changes
        while self._told < len(changes):
            change = changes[self._told]
            self._told += 1
            self.judge.take(change)
            self._spread(change)

    def _spread(self, change: Change) -> None:
        body = change.body
        self.note(change.kind, change.resource, body["metadata"]["name"], _state(body))
        if change.kind == "ADDED" and self._is_orphan(body):
            self.loop.after(_COLLECTED_AFTER, self._collect)
        if change.resource == PODS.plural:
            self.kubelet.saw(change)
        elif change.resource == JOBS.plural:
            if change.kind == "DELETED":
                self.loop.after(_COLLECTED_AFTER, self._collect)
            elif body["metadata"]["name"] == JOB and self._triggers:
                self.happened(f"phase:{body['status'].get('phase')}")
        stream = self.process.streams.get(change.resource)
        if stream is not None and not stream.scheduled and stream.watch is not None:
            self._schedule(stream)

    def _is_orphan(self, body: Body) -> bool:
        """Say whether an object was made for a job that is gone already."""
        owners = body["metadata"].get("ownerReferences")
        if not owners:
            return False
        job = self.server.find(JOBS, NAMESPACE, owners[0]["name"])
        return job is None or job["metadata"]["uid"] != owners[0]["uid"]

    def _schedule(self, stream: Stream) -> None:
        stream.scheduled = True
        self.loop.after(max(self.scope.watch_seconds, stream.held_until - self.loop.now), self.process.deliver, stream)

    def hold(self, plural: str, seconds: float) -> None:
        """Let a watch say nothing for so many seconds."""
        stream = self.process.streams[plural]
        stream.held_until = self.loop.now + seconds
        self._schedule(stream)

    def break_watch(self, plural: str, seconds: float) -> None:
        """Break a watch, and list after so many seconds."""
        self.process.streams[plural].watch = None
        self.loop.after(seconds, self._reconnect, self.process, plural)

    def _reconnect(self, process: Process, plural: str) -> None:
        if process.alive:
            process.connect(process.streams[plural])

    def _collect(self) -> None:
        """Delete what belongs to nobody any more, as the garbage collector does."""
        for garbage in self.server.garbage():
            self.server.collect(garbage)
        self.settle()

    def happened(self, trigger: str) -> None:
        """Let begin what waits for this; each trigger works once."""
        for incident in self._triggers.pop(trigger, ()):
            self.loop.after(incident.at, self._act, incident)

    def _act(self, incident: Incident) -> None:
        self.note("act", str(incident))
        ACTIONS[incident.kind](self, incident)


def _state(body: Body) -> str:
    """Return what a trace shows of an object."""
    status = body.get("status") or {}
    words = [word for word in (status.get("phase"), status.get("reason")) if word]
    if "attempt" in status:
        words.append(f"attempt {status['attempt']}, {status['restarts']} restarts, {status['disruptions']} disruptions")
    if "deletionTimestamp" in body["metadata"]:
        words.append("deleting")
    return " ".join(words)
