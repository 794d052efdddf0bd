"""A schedule is data: the scope it is played in, and what happens to it; the same schedule gives the same run."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

FAULTS: Final = ("crash-before", "crash-after", "lost", "409", "429", "500", "403")
"""What can become of a write: the operator dies before or after the server has it, its answer is lost, or an error."""

READ_FAULTS: Final = ("crash-before", "lost", "429", "500")
"""What can become of the reading of one object."""


class Incident(NamedTuple):
    """One thing that happens besides the ordinary course."""

    kind: str
    """`fault` for a write of the operator, else the name of an action of the world; see `actions`."""
    when: str
    """What the seconds count from: empty for the beginning, `phase:Running` for the first time that the stored job
    says so, `runs:worker-0` for the first time that this pod runs. Of a fault `write` or `read`, and `at` counts
    them."""
    at: float
    on: str = ""
    """What it happens to: a replica such as `worker-0`, a kind of objects such as `pods`; the kind of a fault."""
    value: Any = None
    """How much: seconds, an exit code, a number."""

    def __str__(self) -> str:
        after = (
            f"at write {self.at:g}" if self.when == "write" else f"{self.at:g} s after {self.when or 'the beginning'}"
        )
        words = [self.kind, self.on, "" if self.value is None else str(self.value), after]
        return " ".join(word for word in words if word)


class Schedule(NamedTuple):
    """A scope by its name, and the incidents in any order."""

    scope: str
    incidents: tuple[Incident, ...] = ()

    @property
    def steady(self) -> "Schedule":
        """Return the schedule without its faults, against which it is compared."""
        return Schedule(self.scope, tuple(i for i in self.incidents if i.kind != "fault"))

    @property
    def faults(self) -> Mapping[tuple[str, int], tuple[str, float]]:
        """Return for `write` and `read` with its number which kind of fault it meets, and for how many seconds."""
        return {(i.when, int(i.at)): (i.on, i.value or 0.0) for i in self.incidents if i.kind == "fault"}

    def with_also(self, incidents: Iterable[Incident]) -> "Schedule":
        """Return the schedule with further incidents."""
        return Schedule(self.scope, (*self.incidents, *incidents))

    def to_json(self) -> dict[str, Any]:
        """Return the schedule as JSON has it."""
        return {"scope": self.scope, "incidents": [incident._asdict() for incident in self.incidents]}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "Schedule":
        """Read what `to_json` returned."""
        return Schedule(stored["scope"], tuple(Incident(**incident) for incident in stored["incidents"]))


def fault(number: int, kind: str, seconds: float = 0.0, what: str = "write") -> Incident:
    """Return a fault at a write or read, counted from 1; a crashed operator comes back after the seconds."""
    return Incident("fault", what, number, kind, seconds)


def write_schedule(path: Path, schedule: Schedule, **notes: Any) -> None:
    """Write a schedule into a file that `python -m tests.simulation.replay` plays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**notes, **schedule.to_json()}, indent=1) + "\n")


def read_schedule(path: Path) -> Schedule:
    """Read a file that `write_schedule` wrote."""
    return Schedule.from_json(json.loads(path.read_text()))
