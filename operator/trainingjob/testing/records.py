"""What the judge remembers of jobs and pods: small, and brought up to date with every change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainingjob.api.constants import KIND, LABEL_ATTEMPT, LABEL_INDEX, LABEL_ROLE, MAIN_CONTAINER, MANAGED_BY
from trainingjob.contract.names import UPLOAD_ARTIFACTS

Seen = Mapping[str, Any]
"""An object as it was seen, never changed by the judge."""

TERMINAL = frozenset({"Succeeded", "Failed", "Cancelled"})
_NOTHING: Seen = {}


@dataclass(slots=True)
class PodRecord:
    """One pod, by its uid."""

    uid: str
    namespace: str
    name: str
    owner: str
    """The uid of its controller, as it was when the pod came; empty when it had none."""
    role: str
    index: str
    attempt: int
    result: str = ""
    """Succeeded or Failed once its program has ended, judged by the container `main`; empty before."""
    deleting: bool = False
    gone: bool = False
    broken: bool = False
    """Whether it cannot come to anything: an init container has failed, or its phase is Failed."""
    uploading: bool = False
    """Whether its program has begun and its sidecar may still tell what it has uploaded."""

    @property
    def live(self) -> bool:
        """Say whether it exists and its program has not ended."""
        return not (self.gone or self.result)

    @property
    def in_trouble(self) -> bool:
        """Say whether it gives a reason to start its replica anew."""
        return self.gone or self.deleting or self.broken or self.result == "Failed"


@dataclass(slots=True)
class JobRecord:
    """One TrainingJob, by its uid."""

    uid: str
    namespace: str
    name: str
    body: Seen
    foreign: bool
    """Whether another controller manages it; that never changes."""
    gone: bool = False
    most_restarts: int = 0
    """The greatest maxRestarts that it ever had."""
    most_disruptions: int = 0
    fewest: dict[str, int] = field(default_factory=dict)
    """The smallest number of replicas that each role ever had."""
    spec: Seen = field(default_factory=dict)
    """The stored spec."""
    status: Seen = field(default_factory=dict)
    """The stored status."""
    phase: str = ""
    """The stored phase; empty when there is none."""
    pods: dict[str, PodRecord] = field(default_factory=dict)
    """Every pod that it ever had, by uid."""
    named: dict[str, PodRecord] = field(default_factory=dict)
    """The last pod of each name."""
    slots: dict[tuple[str, str], list[PodRecord]] = field(default_factory=dict)
    """The pods of each role and index."""
    counted: set[str] = field(default_factory=set)
    """The uids of the pods whose failure a status has dealt with."""
    successes: set[tuple[int, str, str]] = field(default_factory=set)
    """Attempt, role and index of the pods whose program has ended well since the job was last suspended."""
    children: set[tuple[str, str]] = field(default_factory=set)
    """Resource and name of the Services, ConfigMaps, Secrets and Deployments that it ever had."""
    standing: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that exist."""
    forbidden: dict[int, str] = field(default_factory=dict)
    """For each version of the job in which it is to get no pods: why."""

    @property
    def deleting(self) -> bool:
        """Say whether its deletion was asked for."""
        return "deletionTimestamp" in self.body["metadata"]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name} ({self.uid})"

    def take(self, body: Seen) -> None:
        """Take over the job's newest form."""
        self.body, self.status, spec = body, body.get("status") or _NOTHING, body.get("spec") or _NOTHING
        self.phase = self.status.get("phase") or ""
        if self.spec is not spec:
            self.spec = spec
            self.most_restarts = max(self.most_restarts, spec.get("maxRestarts", 3))
            self.most_disruptions = max(self.most_disruptions, spec.get("maxDisruptions", 100))
            for role, count in counts(spec).items():
                self.fewest[role] = min(count, self.fewest.get(role, count))
        if why := self.no_pods_because() or ("its outcome is decided" if "ending" in self.status else ""):
            self.forbidden[int(body["metadata"]["resourceVersion"])] = why

    def add(self, pod: PodRecord) -> None:
        """Take over a pod of this job that was not known."""
        self.pods[pod.uid] = self.named[pod.name] = pod
        self.slots.setdefault((pod.role, pod.index), []).append(pod)

    def no_pods_because(self) -> str:
        """Return why the job as it is stored is to get no pods; empty when it may."""
        if self.deleting:
            return "it is being deleted"
        if self.phase in TERMINAL:
            return f"its phase is {self.phase}"
        if self.phase == "Suspended" or self.spec.get("suspend"):
            return "it is suspended"
        return "it is cancelled" if self.spec.get("cancel") else ""

    def live(self) -> list[PodRecord]:
        """Return its pods that live."""
        return [pod for pod in self.pods.values() if pod.live]


def counts(spec: Seen) -> dict[str, int]:
    """Return how many replicas of each role a spec asks for."""
    block = next((spec[name] for name in ("parameterServer", "multiWorker") if name in spec), None)
    if block is not None:
        one = {role: 1 for role in ("chief", "evaluator") if block.get(role)}
        servers = {"ps": block.get("servers", 1)} if "parameterServer" in spec else {}
        return {**one, **servers, "worker": block.get("workers", 1 if servers else 2)}
    if "mpi" in spec:
        block = spec["mpi"]
        return {"launcher": 1, "worker": block.get("nodes", 2) - bool(block.get("launcherRunsWorker"))}
    return {"worker": (spec.get("torch") or {}).get("nodes", 1)}


def new_job(body: Seen) -> JobRecord:
    """Return the record of a job that was not known."""
    metadata = body["metadata"]
    foreign = (body.get("spec") or {}).get("managedBy") not in (None, "", MANAGED_BY)
    record = JobRecord(metadata["uid"], metadata["namespace"], metadata["name"], body, foreign)
    record.take(body)
    return record


def new_pod(body: Seen) -> PodRecord:
    """Return the record of a pod that was not known."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or _NOTHING
    attempt = labels.get(LABEL_ATTEMPT, "")
    return PodRecord(
        metadata["uid"],
        metadata["namespace"],
        metadata["name"],
        owner_of(body),
        labels.get(LABEL_ROLE, ""),
        labels.get(LABEL_INDEX, ""),
        int(attempt) if attempt.isdecimal() else 0,
    )


def owner_of(body: Seen) -> str:
    """Return the uid of the TrainingJob that controls an object; empty when none does."""
    for owner in body["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") == KIND:
            return str(owner["uid"])
    return ""


def take_pod(pod: PodRecord, body: Seen) -> None:
    """Take over what a pod's newest form says of its life."""
    status = body.get("status") or _NOTHING
    pod.deleting = pod.deleting or "deletionTimestamp" in body["metadata"]
    phase = status.get("phase")
    end = None
    for container in status.get("containerStatuses") or ():
        if container.get("name") == MAIN_CONTAINER:
            end = (container.get("state") or _NOTHING).get("terminated")
    if end is not None:
        pod.result = "Failed" if end.get("exitCode") else "Succeeded"
    elif phase in ("Succeeded", "Failed"):
        pod.result = phase
    pod.broken = pod.broken or phase == "Failed"
    if (body.get("spec") or _NOTHING).get("initContainers"):
        pod.uploading = _is_uploading(body, status)


def _is_uploading(body: Seen, status: Seen) -> bool:
    if not any(container["name"] == UPLOAD_ARTIFACTS for container in body["spec"]["initContainers"]):
        return False
    lost = any(c.get("type") == "DisruptionTarget" for c in status.get("conditions") or ())
    if lost or status.get("phase") in ("Succeeded", "Failed"):
        return False
    states = {
        container.get("name"): container.get("state") or _NOTHING
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in status.get(kind) or ()
    }
    begun = states.get(MAIN_CONTAINER, _NOTHING).keys() & {"running", "terminated"}
    return bool(begun) and "terminated" not in states.get(UPLOAD_ARTIFACTS, _NOTHING)
