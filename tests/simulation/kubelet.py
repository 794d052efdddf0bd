"""The nodes of the simulated cluster: they start pods, end their programs, and fall silent."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.simulation import statuses
from tests.simulation.loop import Clockwork
from tests.simulation.scopes import Scope
from tests.support.fake_sidecars import Upload, report_of, uploads
from trainingjob.api.constants import LABEL_ATTEMPT, LABEL_INDEX, LABEL_ROLE
from trainingjob.controller.kube import PODS
from trainingjob.testing import Body, Change, ModelServer

TOLERATED_SECONDS: Final = 60
"""How long a node is silent before the taint manager gives its pods up."""

LAUNCHER: Final = "launcher-0"
CONNECTION_LOST: Final = 255
"""The exit code of a launcher that has lost a worker."""


class Observer(Protocol):
    """What the nodes need of the world around them."""

    server: ModelServer
    loop: Clockwork
    scope: Scope

    def settle(self) -> None:
        """Let everybody know of what has changed."""

    def happened(self, trigger: str) -> None:
        """Let begin what waits for this."""


@dataclass(slots=True)
class Play:
    """One pod on its node."""

    namespace: str
    name: str
    uid: str
    job: str
    attempt: str
    replica: str
    nth: int
    started: int = -1
    over: bool = False
    """Whether the program has ended."""
    stopping: bool = False
    silent: bool = False
    """Whether the node does not answer."""
    report: str | None = None
    """What the pod's sidecar has to tell when the program has ended; None when it has no sidecar, or has told."""
    code: int = 0
    """The program's exit code, once it has ended."""
    reached: tuple["Play", ...] = ()
    """Of a launcher: the pods of the workers that it has found and is connected to."""
    prepared: int | None = None
    """When a launcher has found them."""


class Kubelet:
    """All nodes at once; every pod has one of its own."""

    def __init__(self, world: Observer) -> None:
        self._world = world
        self._plays: dict[str, Play] = {}
        self._seen: Counter[str] = Counter()

    def saw(self, change: Change) -> None:
        """Take over a change of a pod."""
        metadata = change.body["metadata"]
        if change.kind == "ADDED":
            self._add(metadata, change.body)
        elif change.kind == "DELETED":
            gone = self._plays.pop(metadata["uid"], None)
            if gone is not None and not gone.silent:
                self._part(gone)
        elif "deletionTimestamp" in metadata and (play := self._plays.get(metadata["uid"])) and not play.stopping:
            play.stopping = True
            seconds = min(self._stop_seconds(play), metadata["deletionGracePeriodSeconds"])
            self._world.loop.after(seconds, self._remove, play)
        elif "activeDeadlineSeconds" in change.body["spec"] and (play := self._plays.get(metadata["uid"])):
            self._world.loop.after(self._world.scope.stop_seconds, self._end, play, statuses.SIGTERM_CODE, "")

    def of(self, replica: str) -> list[Play]:
        """Return the pods that play a replica."""
        return [play for play in self._plays.values() if play.replica == replica]

    def _stop_seconds(self, play: Play) -> float:
        """Return how long a pod takes to end: its program, and then its sidecar."""
        upload = self._world.scope.upload_seconds
        if play.report is None:
            return self._world.scope.stop_seconds
        return float("inf") if upload is None else self._world.scope.stop_seconds + upload

    def _add(self, metadata: dict[str, Any], body: Body) -> None:
        labels = metadata.get("labels") or {}
        if LABEL_ROLE not in labels or not metadata.get("ownerReferences"):
            return
        replica = f"{labels[LABEL_ROLE]}-{labels[LABEL_INDEX]}"
        name = metadata["name"]
        owner = metadata["ownerReferences"][0]["uid"]
        attempt = labels.get(LABEL_ATTEMPT, "")
        play = Play(metadata["namespace"], name, metadata["uid"], owner, attempt, replica, self._seen[name])
        if uploads(body):
            play.report = report_of(body, Upload(report=self._world.scope.report))
        self._seen[name] += 1
        self._plays[play.uid] = play
        self._world.loop.after(self._world.scope.start_seconds.get(replica, 1), self._start, play)

    def _lives(self, play: Play) -> bool:
        return play.uid in self._plays and not play.silent

    def _start(self, play: Play) -> None:
        if play.replica == LAUNCHER:
            self._look_for_workers(play)
        else:
            self._begin(play)

    def _begin(self, play: Play) -> None:
        if not self._lives(play) or play.stopping or play.over:
            return
        world, now = self._world, int(self._world.loop.now)
        play.started = now
        world.server.bind(play.namespace, play.name, f"node-{play.replica}")
        status = statuses.running(now, world.scope.sidecar, play.report is not None, play.prepared)
        world.server.patch(PODS, play.namespace, play.name, status, subresource="status")
        world.settle()
        world.happened(f"runs:{play.replica}")
        seconds, code = world.scope.program(play.replica, play.nth)
        if seconds is not None:
            world.loop.after(seconds, self._end, play, code, "")
        if any(worker.over for worker in play.reached):
            self._lose_connection(play)
        for launcher in self.of(LAUNCHER):
            world.loop.after(1, self._look_for_workers, launcher)

    def _look_for_workers(self, launcher: Play) -> None:
        """Let a launcher begin a second after it has found every worker; until then it waits for the next one."""
        if not self._lives(launcher) or launcher.prepared is not None:
            return
        nodes = self._world.scope.spec["mpi"]["nodes"]
        found = [
            play for play in self._plays.values() if play.replica.startswith("worker-") and _serves(play, launcher)
        ]
        if len(found) == nodes:
            launcher.reached, launcher.prepared = tuple(found), int(self._world.loop.now)
            self._world.loop.after(1, self._begin, launcher)

    def _part(self, worker: Play) -> None:
        """End what is connected to a pod whose program has ended, or is gone."""
        worker.over = True
        for play in list(self._plays.values()):
            if worker in play.reached:
                self._lose_connection(play)

    def _lose_connection(self, launcher: Play) -> None:
        self._world.loop.after(1, self._end, launcher, CONNECTION_LOST, "")

    def _end(self, play: Play, code: int, reason: str) -> None:
        if not self._lives(play) or play.over or play.started < 0:
            return
        if "mpi" in self._world.scope.spec and play.replica != LAUNCHER:
            # No end of a worker is a success; see `mpi_scripts`.
            code = code or 1
        self._part(play)
        self._tell_end(play, code, reason)
        self._world.settle()

    def _tell_end(self, play: Play, code: int, reason: str) -> None:
        scope, now = self._world.scope, int(self._world.loop.now)
        beside = scope.sidecar and not play.stopping
        play.code = code
        status = statuses.ended(play.started, now, code, reason, beside or play.report is not None, beside)
        self._world.server.patch(PODS, play.namespace, play.name, status, subresource="status")
        if play.report is not None and scope.upload_seconds is not None and not play.stopping:
            self._world.loop.after(scope.upload_seconds, self._tell_upload, play)

    def _tell_upload(self, play: Play) -> None:
        """End the sidecar of a pod whose program has ended."""
        if not self._lives(play) or play.report is None:
            return
        status = statuses.uploaded(play.code, play.report, play.prepared)
        play.report = None
        self._world.server.patch(PODS, play.namespace, play.name, status, subresource="status")
        self._world.settle()

    def _remove(self, play: Play) -> None:
        """End what still runs and take the pod away."""
        if not self._lives(play):
            return
        if not play.over and play.started >= 0 and self._world.scope.tells_end:
            self._part(play)
            self._tell_end(play, statuses.SIGTERM_CODE, "")
            self._tell_upload(play)
        self._world.server.delete(PODS, play.namespace, play.name, uid=play.uid, grace_seconds=0)
        self._world.settle()

    # What happens to pods besides the ordinary course.

    def end(self, replica: str, code: int, reason: str = "") -> None:
        """End the program of a replica at once."""
        for play in self.of(replica):
            self._end(play, code, reason)

    def evict(self, replica: str) -> None:
        """Let the node of a replica throw it out, as it does when it runs low."""
        for play in self.of(replica):
            if self._lives(play) and not play.over:
                play.report = None
                self._part(play)
                self._world.server.patch(
                    PODS, play.namespace, play.name, statuses.evicted("Evicted"), subresource="status"
                )
        self._world.settle()

    def delete(self, replica: str, reason: str, grace: int | None) -> None:
        """Delete the pod of a replica as somebody else does, with the condition that says why."""
        for play in self.of(replica):
            self._disrupt(play, reason)
            self._world.server.delete(PODS, play.namespace, play.name, uid=play.uid, grace_seconds=grace)
        self._world.settle()

    def lose(self, replica: str) -> None:
        """Let the node of a replica fall silent; the taint manager gives its pods up a minute later."""
        for play in self.of(replica):
            play.silent = True
            self._world.loop.after(TOLERATED_SECONDS, self._give_up, play)

    def remove_node(self, replica: str) -> None:
        """Take a silent node out of the cluster: what is still bound to it is removed, as the pod collector does."""
        for play in self.of(replica):
            if play.silent:
                self._world.server.delete(PODS, play.namespace, play.name, uid=play.uid, grace_seconds=0)
        self._world.settle()

    def come_back(self, replica: str) -> None:
        """Let a silent node answer again: it ends what it was told to end, and tells how the rest is."""
        for play in self.of(replica):
            play.silent = False
            if play.stopping:
                self._remove(play)
            elif play.over:
                self._tell_upload(play)
            elif play.started >= 0:
                seconds, code = self._world.scope.program(play.replica, play.nth)
                if seconds is not None and play.started + seconds <= self._world.loop.now:
                    self._end(play, code, "")

    def _give_up(self, play: Play) -> None:
        if play.uid in self._plays and play.silent:
            self._disrupt(play, "DeletionByTaintManager")
            self._world.server.delete(PODS, play.namespace, play.name, uid=play.uid)
            self._world.settle()

    def _disrupt(self, play: Play, reason: str) -> None:
        if reason:
            patch = {"status": {"conditions": [statuses.condition("DisruptionTarget", "True", reason)]}}
            self._world.server.patch(PODS, play.namespace, play.name, patch, subresource="status")


def _serves(worker: Play, launcher: Play) -> bool:
    """Say whether a launcher finds a worker's pod: another attempt's has other keys."""
    mine = (worker.namespace, worker.job, worker.attempt) == (launcher.namespace, launcher.job, launcher.attempt)
    return mine and worker.started >= 0 and not worker.over
