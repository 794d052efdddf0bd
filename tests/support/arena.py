"""Where jobs run again and again while an operator dies, or while what lies between it and its API server fails."""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.fake_kubelet import FakeKubelet, Run
from tests.support.faults import Faults
from tests.support.operator_forks import Forks, kill, runs
from tests.support.stories import Scene, Step, Story, manifest
from tests.support.user import Object, User, wait_until
from tests.support.witness import Witness
from trainingjob.api.constants import LABEL_ATTEMPT, LABEL_JOB
from trainingjob.controller.kube import JOBS

End = dict[str, Any]
_FINISHED_PASSES = "trainingjob_reconcile_seconds_count"
COUNTS = ("phase", "reason", "ready", "attempt", "restarts", "disruptions")
RUN_SECONDS = 300.0


@dataclass(frozen=True)
class Outcome:
    """What one run of jobs came to; names are without what the run has added to them."""

    ends: dict[str, End]
    created: Counter[str]
    """How often each object was created."""
    played: dict[str, int]
    """How many pods of each name the kubelet has seen."""
    writes: int
    """How many writes the operator has asked for, without Events and Leases."""
    lives: int
    """How many operators have run."""
    violations: list[str]

    @property
    def comparable(self) -> tuple[object, ...]:
        """Return what must be the same in every run of the same jobs."""
        return self.ends, self.created, self.played


@dataclass
class Arena:
    """A namespace in which runs of jobs take place, one after another, each under names of its own."""

    user: User
    kubelet: FakeKubelet
    proxy: ApiProxy
    witness: Witness
    forks: Forks
    folder: Path
    impatient: bool = False
    """Whether operators give a silent watch up after a few seconds."""
    runs: int = 0
    lives: int = 0
    pid: int = 0
    _log: Path = Path()
    _stories: Mapping[str, Story] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _steps: dict[str, list[Step]] = field(default_factory=dict)

    def run(
        self, stories: Mapping[str, Story], strike_at: int = 0, moment: str = "", faults: Faults | None = None
    ) -> Outcome:
        """Run jobs to their ends.

        Args:
            stories: the jobs by their names, to which the number of the run is added.
            strike_at: the number of the write at which the operator dies; 0 for none. It is started again.
            moment: `before` the write is passed on, or `after` it was answered.
            faults: what else goes wrong.
        """
        self.runs += 1
        self.lives = 0
        self._stories = stories
        self._names = {job: f"{job}-{self.runs}" for job in stories}
        self._steps = {job: list(story.steps) for job, story in stories.items()}
        self.kubelet.script = self._script
        self.proxy.count = 0
        self.proxy.writes.clear()
        self.proxy.faults = faults
        self.proxy.strike = lambda number, when: (number, when) == (strike_at, moment) and self._die()
        self.witness.rest(False)
        self.user.apply(*(manifest(self._names[job], story.spec) for job, story in stories.items()))
        self.start()
        try:
            wait_until(self._go_on, self._all_over, RUN_SECONDS, pause=0.2)
        finally:
            self.proxy.faults = None
            kill(self.pid)
        self.proxy.settle()
        self.witness.rest(True)
        # Only now the witness has heard all: of two watches one may have been ahead of the other.
        ends, wrong = self._ends(), self.witness.violations()
        return Outcome(ends, self._created(), self._played(), self.proxy.count, self.lives, wrong)

    def look_again(self) -> tuple[int, list[str]]:
        """Let a new operator look at everything that has come to rest; return the writes, and what is wrong."""
        before = self.proxy.count
        self.start()
        try:
            wait_until(self._passes, lambda passes: passes >= len(self.witness.seen(JOBS)), 60, pause=0.1)
        finally:
            kill(self.pid)
        self.proxy.settle()
        return self.proxy.count - before, self.witness.violations()

    def clear(self) -> None:
        """Delete the jobs without waiting for it."""
        self.user.kubectl("delete", "tjob", "--all", "--wait=false")

    def start(self) -> None:
        """Start an operator; the identity of its lease is that of the last one, as in a restarted container."""
        self.lives += 1
        flags = {
            "--kubeconfig": str(self.folder / "kubeconfig"),
            "--namespace": self.user.namespace,
            "--lease-namespace": self.user.namespace,
            "--lease-identity": "the-pod",
            "--health-host": "127.0.0.1",
            "--health-port": "0",
            "--status-interval": "0",
        }
        words = [word for pair in flags.items() for word in pair]
        self._log = self.folder / f"operator-{self.runs}-{self.lives}.log"
        self.pid = self.forks.start(words, self._log, impatient=self.impatient)

    def _die(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return True

    def _passes(self) -> float:
        """Return how many looks at jobs this operator has finished."""
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        found = re.search(r"/metrics on .* port (\d+)", log)
        if not found:
            return 0
        with urlopen(f"http://127.0.0.1:{found[1]}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(_FINISHED_PASSES))

    def _script(self, pod: Object) -> Run:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        job = pod["metadata"]["labels"][LABEL_JOB]
        story = self._stories[job.rsplit("-", 1)[0]]
        return story.play(job, name.removeprefix(f"{job}-"), self.kubelet.seen[name].index(uid))

    def _scene(self, job: str) -> Scene:
        return Scene(self.user, self.witness, self.kubelet, self._names[job])

    def _go_on(self) -> dict[str, End]:
        """Start an operator that has died, take the steps whose time has come, and return how far the jobs are."""
        if not runs(self.pid):
            self.start()
        for job, steps in self._steps.items():
            if steps and steps[0].when(self._scene(job)):
                steps.pop(0).act(self._scene(job))
        return self._ends()

    def _ends(self) -> dict[str, End]:
        return {job: self._end(job) for job in self._names}

    def _all_over(self, ends: Mapping[str, End]) -> bool:
        return not any(self._steps.values()) and all(end["over"] for end in ends.values())

    def _end(self, job: str) -> End:
        """Return what must not depend on what went wrong."""
        scene, vanishes = self._scene(job), self._stories[job].vanishes
        lives = [body for body in list(self.witness.jobs.values()) if body["metadata"]["name"] == scene.job]
        status = max(lives, key=_version)["status"] if lives else {}
        pods = scene.pods
        finished = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Finished"), "")
        live = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
        live += [role for role, counts in status.get("replicas", {}).items() if counts["active"]]
        return {
            # What is still counted when a job is deleted depends on the moment.
            **{word: status.get(word) for word in COUNTS if not (vanishes and word == "ready")},
            "failures": self._failures(job, status),
            "pods": sorted((self._plain(pod["metadata"]["name"]), _about(pod)) for pod in pods),
            "over": finished == "True" and ((scene.body is None and not pods) if vanishes else not live),
        }

    def _failures(self, job: str, status: Mapping[str, Any]) -> list[tuple[object, ...]]:
        echoes = {f"{job}-{replica}" for replica in self._stories[job].echoes}
        found = [(self._plain(f["pod"]), f["attempt"], _exit_code(f), f["class"]) for f in status.get("failures", [])]
        return sorted(failure for failure in found if failure[0] not in echoes)

    def _created(self) -> Counter[str]:
        paths = (write.created.split("/") for write in self.proxy.writes if write.created)
        return Counter(self._plain("/".join(path[-2:])) for path in paths)

    def _played(self) -> dict[str, int]:
        names = tuple(f"{name}-" for name in self._names.values())
        return {self._plain(pod): len(uids) for pod, uids in self.kubelet.seen.items() if pod.startswith(names)}

    def _plain(self, name: str) -> str:
        """Return the name of a child without the number of the run and the job's uid."""
        jobs = "|".join(self._names)
        return re.sub(rf"\b({jobs})-{self.runs}(-[0-9a-f]{{8}}(?=-))?", r"\1", name)


def _about(pod: Object) -> tuple[str, str]:
    return str(pod["metadata"]["labels"][LABEL_ATTEMPT]), str(pod["spec"].get("nodeSelector", ""))


def _exit_code(failure: Mapping[str, Any]) -> int | None:
    # How a program ended that was taken away is known only when somebody looked in time.
    return failure.get("exitCode") if failure["class"] != "Disruption" else None


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


@contextmanager
def arena(cluster: Cluster, user: User, folder: Path, forks: Forks, *, impatient: bool = False) -> Iterator[Arena]:
    """Return a place for runs in a user's namespace."""
    folder.mkdir(exist_ok=True)
    with (
        Witness(cluster.kubeconfig, user.namespace) as witness,
        FakeKubelet(cluster.kubeconfig, user.namespace) as kubelet,
        ApiProxy(cluster.kubeconfig) as proxy,
    ):
        proxy.heard = witness.wrote
        proxy.write_kubeconfig(folder / "kubeconfig")
        yield Arena(user, kubelet, proxy, witness, forks, folder, impatient)
