"""Which schedules are played: every fault at every write of a base, bases by enumeration or by chance."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.simulation.branches import Branches
from tests.simulation.compare import differences, overcharged, unexpected
from tests.simulation.memo import Memo
from tests.simulation.schedule import FAULTS, READ_FAULTS, Incident, Schedule, fault
from tests.simulation.scopes import BOARD, SCOPES, Scope
from tests.simulation.simulation import Run

_ABSENCES: Final = {"crash-before": (0.0, 3600.0), "crash-after": (0.0, 3600.0), "slow": (0.06, 3.0)}
_PHASES: Final = ("phase:Pending", "phase:Running", "phase:Restarting", "phase:Suspended", "phase:Succeeded")
_DELAYS: Final = (0.0, 0.02, 3.0)
_AT_THE_END: Final = tuple(("phase:Finalizing", delay) for delay in (0.0, 0.02, 1.0, 3.0))
_SEVERAL: Final = 4
_MOST_WRITES: Final = 24
"""A create that is refused again and again is a write each time; the later ones are like the first."""
_RANDOM_FAULTS: Final = 8
"""How many sets of faults a random base is played with."""

Act = tuple[str, str, Any]
"""Kind, on, value."""
_GENERAL: Final[tuple[Act, ...]] = (
    ("suspend", "", True),
    ("toggle", "", 2.0),
    ("toggle", "", 40.0),
    ("cancel", "", None),
    ("max-restarts", "", 5),
    ("delete-job", "", None),
    ("replace-job", "", None),
    ("quota", "", 30.0),
    ("crash", "", 0.0),
    ("crash", "", 30.0),
    ("crash", "", 3600.0),
    ("jump", "", 7.0),
    ("jump", "", -7.0),
    ("jump", "", 3600.0),
    ("delete-service", "", None),
    *(
        (kind, plural, seconds)
        for kind in ("lag", "gone")
        for plural in ("pods", "trainingjobs", "services")
        for seconds in (0.5, 20.0)
    ),
)
_OF_PODS: Final[tuple[tuple[str, Any], ...]] = (
    ("end", 1),
    ("end", 0),
    ("oom", None),
    ("evict", None),
    ("preempt", None),
    ("drain", None),
    ("delete-pod", None),
    ("delete-pod", 0),
    ("lose-node", None),
    ("lose-node", 70.0),
    ("lose-node", 200.0),
    ("hide-pod", 10.0),
)


@dataclass
class Findings:
    """What an exploration has seen."""

    played: int = 0
    digests: set[bytes] = field(default_factory=set)
    """One for each run that is unlike every other."""
    faults: dict[str, int] = field(default_factory=dict)
    """Kind of fault or incident → in how many schedules it happened."""
    failures: list[tuple[Schedule, tuple[str, ...]]] = field(default_factory=list)

    def take(self, run: Run, problems: tuple[str, ...]) -> None:
        """Count a run."""
        self.played += 1
        self.digests.add(run.digest)
        acts = {incident.kind for incident in run.schedule.incidents if incident.kind != "fault"}
        for kind in {*run.met, *acts}:
            self.faults[kind] = self.faults.get(kind, 0) + 1
        if problems:
            self.failures.append((run.schedule, problems))


def acts_of(scope: Scope) -> list[Act]:
    """Return what can happen in a scope."""
    spec = scope.spec
    replicas = ["worker-0"]
    for block, count in (("multiWorker", "workers"), ("torch", "nodes")):
        if block in spec and spec[block][count] > 1:
            replicas.append("worker-1")
    if "parameterServer" in spec:
        found = spec["parameterServer"]
        replicas += [
            f"{role}-0"
            for role, key in (("ps", "servers"), ("chief", "chief"), ("evaluator", "evaluator"))
            if found.get(key)
        ]
    if "mpi" in spec:
        replicas.append("launcher-0")
    acts = [*_GENERAL, *((kind, replica, value) for replica in replicas for kind, value in _OF_PODS)]
    if "torch" in spec:
        acts += [("nodes", "", 1), ("nodes", "", 3)]
    if "tensorboard" in spec:
        acts += [("board", "", on) for on in (True, False)] * 3 + [("delete-service", BOARD, None)]
    if spec.get("suspend"):
        acts += [("suspend", "", False)] * 6
    return acts


def moments() -> list[tuple[str, float]]:
    """Return when something can happen."""
    absolute = [("", second) for second in (0.001, 0.008, 0.012, 0.05, 1.0, 2.0, 6.02, 16.5, 21.02)]
    return [*absolute, *((phase, delay) for phase in _PHASES for delay in _DELAYS), ("runs:worker-0", 0.0)]


def steady_schedules(scope: Scope) -> Iterator[Schedule]:
    """Yield the bases of a small scope: nothing, then every act at every moment."""
    yield Schedule(scope.name)
    for kind, on, value in dict.fromkeys(acts_of(scope)):
        for when, seconds in moments():
            yield Schedule(scope.name, (Incident(kind, when, seconds, on, value),))


def single_faults(base: Run) -> Iterator[Schedule]:
    """Yield a base with each fault at each of its writes and reads."""
    for write in range(1, min(base.writes, _MOST_WRITES) + 1):
        for kind in (*FAULTS, "slow"):
            for seconds in _ABSENCES.get(kind, (0.0,)):
                yield base.schedule.with_also([fault(write, kind, seconds)])
    for read in range(1, min(base.reads, _MOST_WRITES) + 1):
        for kind in READ_FAULTS:
            yield base.schedule.with_also([fault(read, kind, what="read")])


def random_base(chance: Random) -> Schedule:
    """Return a schedule without faults by chance, with up to four incidents."""
    scope = chance.choice(list(SCOPES.values()))
    acts, times = acts_of(scope), [*moments(), *(_AT_THE_END if "outputs" in scope.spec else ())]
    incidents = []
    for _ in range(chance.randint(0, _SEVERAL)):
        kind, on, value = chance.choice(acts)
        when, seconds = chance.choice(times)
        if chance.random() < 0.5:
            when, seconds = "", round(chance.uniform(0, 45), 3)
        incidents.append(Incident(kind, when, seconds, on, value))
    return Schedule(scope.name, tuple(incidents))


def random_faults(base: Run, chance: Random) -> Schedule:
    """Return a base with one to four faults by chance."""
    faults = {}
    for _ in range(chance.randint(1, _SEVERAL)):
        kind = chance.choice((*FAULTS, "slow"))
        write = chance.randint(1, base.writes + 2)
        faults[write] = fault(write, kind, chance.choice(_ABSENCES.get(kind, (0.0,))))
    return base.schedule.with_also(faults[write] for write in sorted(faults))


def problems_of(run: Run, reference: Run | None) -> tuple[str, ...]:
    """Return what is wrong with a run, be it only against the run of the same schedule without faults."""
    compared = differences(reference, run) if reference else ()
    return run.violations or (*unexpected(run), *overcharged(run), *compared)


Faults = Callable[[Run], Iterable[Schedule]]
"""Takes the run of a base and yields the base with faults."""


def no_faults(_: Run) -> Iterable[Schedule]:
    """Yield nothing: the base alone is played."""
    return ()


def some_faults(chance: Random) -> Faults:
    """Return what yields a base with sets of faults by chance."""
    return lambda base: (random_faults(base, chance) for _ in range(_RANDOM_FAULTS))


def explore_base(base: Schedule, memo: Memo, findings: Findings, faults: Faults = single_faults) -> None:
    """Play a base, then the base with faults: by default with each at every write."""
    branches = Branches(base, memo)
    reference = branches.trunk
    findings.take(reference, problems_of(reference, None))
    if not reference.violations and reference.writes:
        for schedule in faults(reference):
            run = branches.play(schedule)
            findings.take(run, problems_of(run, reference))
    branches.close()


def explore_random(seed: int, bases: int, memo: Memo) -> Findings:
    """Play random bases, each with random faults; the same seed gives the same runs."""
    chance, findings = Random(seed), Findings()
    for _ in range(bases):
        explore_base(random_base(chance), memo, findings, some_faults(chance))
    return findings
