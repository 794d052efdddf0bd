"""What a plan is: the replicas of a job and the children that they need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainingjob.api.framework import Catalogue
from trainingjob.api.spec import Role
from trainingjob.api.status import FrameworkStatus

Manifest = dict[str, Any]


class PlanRefusedError(Exception):
    """A job of this shape cannot run; `reason` is one CamelCase word, the text one sentence for the user."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the operator's own configuration decides about pods."""

    security_profile: str = "restricted"
    """The Pod Security level of jobs that choose none: restricted or baseline."""
    own_image: str = "trainingjob-operator"
    """The image of the containers that are ours: the operator's own."""
    tensorboard_image: str = "tensorflow/tensorflow:2.18.0"
    """An image with the program `tensorboard`."""
    frameworks: Catalogue = field(default_factory=dict, hash=False)
    """The images by framework and version."""


@dataclass(frozen=True, slots=True, order=True)
class Replica:
    """One replica of a job: its role, its index within the role, the name of its pod."""

    role: Role
    index: int
    pod: str


@dataclass(frozen=True, slots=True)
class KeySecret:
    """A Secret of SSH keys; whoever creates it makes the keys, because a plan is free of chance."""

    manifest: Manifest
    """The Secret without its data."""
    known_as: str
    """The hosts that show the host key, as in the first column of `known_hosts`."""


@dataclass(frozen=True, slots=True)
class GangPlan:
    """How the pods of a job are placed together."""

    counts: Callable[[Role], bool]
    """Whether the replicas of a role are among those that count."""
    least: int
    """How many of them must have found a node."""
    timeout_seconds: int | None
    """How long some wait on their nodes for the others before the operator breaks up the gang; None: for ever."""
    pod_groups: Callable[[int], tuple[Manifest, ...]]
    """Attempt → the PodGroup that must exist before the first pod, where the scheduler has one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The children that a job should have.

    The manifests of pods are rendered one by one on demand: a job of a thousand replicas of which one is missing
    costs one rendering.
    """

    replicas: tuple[Replica, ...]
    """Chief, worker, ps, evaluator in this order, each by index."""
    primary: Replica
    """The replica whose end decides: chief, else worker 0."""
    service: Manifest
    config_maps: tuple[Manifest, ...]
    """ConfigMaps that must exist before the first pod; their names carry the job's uid."""
    key_secrets: Callable[[int], tuple[KeySecret, ...]]
    """Attempt → the Secrets of SSH keys that must exist before its first pod; their names carry the job's uid."""
    render: Callable[[Replica, int], Manifest]
    """Replica and attempt → the manifest of the pod."""
    restarts_alone: Callable[[Replica], bool]
    """Whether a replica that failed starts anew alone, where the job's own rules say nothing else."""
    replaceable: Callable[[Replica], bool]
    """Whether the others go on when a replica is lost, and take its successor in."""
    stop_grace: Callable[[Replica], int]
    """The seconds that a replica's pod gets between SIGTERM and SIGKILL when it is stopped, with those for what it has
    to upload; the grace of its deletes."""
    framework: FrameworkStatus | None
    """The images that the job's framework stands for, which the status remembers; None for an image of its own."""
    uploads: Callable[[Replica], bool]
    """Whether a replica's pod has the sidecar that uploads artifacts."""
    artifact_prefix: Callable[[Replica, int], str]
    """Replica and attempt → where its artifact stands, as the sidecar's report names it, without a `/` at the end; a
    pod that finds another one's there adds `.1`, `.2`, …; empty for a replica that uploads nothing."""
    flush_seconds: int
    """How long an upload may take after the program's end; 0 in a job that uploads nothing."""
    tensorboard: tuple[Manifest, ...] = ()
    """The Deployment and the Service of the job's TensorBoard, in the order of their creation; empty for none. No pod
    needs them."""
    gang: GangPlan | None = None
    """How the pods are placed together; None when each is placed for itself."""

    def counts(self) -> Mapping[Role, int]:
        """Return the number of replicas of each role that the job has."""
        result: dict[Role, int] = {}
        for replica in self.replicas:
            result[replica.role] = result.get(replica.role, 0) + 1
        return result
