"""What happens to a job beside its operator: how its programs end, and what its user does meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_kubelet import FakeKubelet, Run
from tests.support.user import Object, User
from tests.support.witness import Witness
from trainingjob.api.constants import API_VERSION, KIND, LABEL_JOB
from trainingjob.controller.kube import JOBS, PODS


@dataclass(frozen=True)
class Scene:
    """What a job's user sees, and through what they act."""

    user: User
    witness: Witness
    kubelet: FakeKubelet
    job: str
    """The name of the job."""

    @property
    def body(self) -> Object | None:
        """Return the job as it is stored; None when there is none."""
        return self.witness.seen(JOBS).get(self.job)

    @property
    def phase(self) -> str:
        """Return the job's phase; empty when it has none."""
        return str(((self.body or {}).get("status") or {}).get("phase") or "")

    @property
    def pods(self) -> list[Object]:
        """Return the pods that are labelled with the job's name."""
        pods = self.witness.seen(PODS).values()
        return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(LABEL_JOB) == self.job]

    def create(self, spec: Mapping[str, Any]) -> None:
        """Create the job."""
        self.user.apply(manifest(self.job, spec))


@dataclass(frozen=True)
class Step:
    """What a user does once something has come to pass."""

    when: Callable[[Scene], bool]
    act: Callable[[Scene], None]


@dataclass(frozen=True)
class Story:
    """One job."""

    spec: Mapping[str, Any]
    play: Callable[[str, str, int], Run]
    """Takes the job's name, a replica such as `worker-0`, and the number of pods of this name before it."""
    steps: tuple[Step, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)
    """What must stand in its end when nothing goes wrong."""
    vanishes: bool = False
    """Whether the end is that the job is deleted."""
    echoes: frozenset[str] = frozenset()
    """Replicas whose failure follows from another's, and is told only when it is seen before the restart."""


def manifest(name: str, spec: Mapping[str, Any]) -> Object:
    """Return a TrainingJob as a user writes it."""
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": dict(spec)}


def in_phase(*phases: str) -> Callable[[Scene], bool]:
    """Return a condition on the job's phase."""
    return lambda scene: scene.phase in phases


def change(**spec: Any) -> Callable[[Scene], None]:
    """Return what changes fields of the job's spec."""
    return lambda scene: scene.user.change_job(scene.job, **spec)


def without_pods(phase: str) -> Callable[[Scene], bool]:
    """Return a condition on the job's phase and on the absence of its pods."""
    return lambda scene: scene.phase == phase and not scene.pods


def ends_as(phase: str, attempt: int, restarts: int, disruptions: int, *failures: tuple[object, ...]) -> dict[str, Any]:
    """Return what is expected of a job's end."""
    counts = {"attempt": attempt, "restarts": restarts, "disruptions": disruptions}
    return {"phase": phase, **counts, "failures": list(failures)}
