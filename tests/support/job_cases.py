"""What the tables of jobs are made of; the API server and the operator are held to the same tables."""

from dataclasses import dataclass, field
from typing import Any

IMAGE = "registry.example.com/mnist:1.0"


@dataclass(frozen=True)
class Refused:
    """A job that breaks one rule."""

    situation: str
    path: str
    """The field that the sentence speaks of."""
    sentence: str
    """What the user reads, without the path."""
    spec: dict[str, Any] = field(default_factory=dict)
    """What the spec has besides an image."""
    name: str = "mnist"
    in_atomic_list: bool = False
    """Whether the rule speaks of an item of an atomic list, of which no server knows what it was before."""

    def __str__(self) -> str:
        return self.situation


@dataclass(frozen=True)
class Malformed:
    """A job in which one field has a form that the schema does not know."""

    situation: str
    path: str
    spec: dict[str, Any]
    incomparable: bool = False
    """Whether no server can compare the value with itself: it has another type, or two entries have the same key."""

    def __str__(self) -> str:
        return self.situation


@dataclass(frozen=True)
class Accepted:
    """A job that breaks no rule."""

    situation: str
    spec: dict[str, Any] = field(default_factory=dict)
    name: str = "mnist"

    def __str__(self) -> str:
        return self.situation


def manifest(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a TrainingJob with an image and the given fields, as a user writes it."""
    return {
        "apiVersion": "trainingjob.dev/v1",
        "kind": "TrainingJob",
        "metadata": {"name": name},
        "spec": {"image": IMAGE, **spec},
    }


def mounted(**mount: Any) -> dict[str, Any]:
    """Return a spec's fields that mount a volume called `data`, with changes to the mount."""
    return {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "digits"}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data", **mount}],
    }
