"""Why a job does not run yet, in the words of what blocks it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.gang import queue_of
from trainingjob.plan.model import Plan
from trainingjob.reconcile.observed import Children, ObservedPod, ObservedService, Refusal
from trainingjob.reconcile.preparing import PREPARING, explain_preparing
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State
from trainingjob.reconcile.tensorboard import is_tensorboards

STARTING = "Starting"
WAITING_FOR_WORKERS = "WaitingForWorkers"
ORDINARY = frozenset({STARTING, WAITING_FOR_WORKERS}) | PREPARING
"""The reasons of a job that is on its way: nothing is wrong with it."""
SLOW_CONTAINER = timedelta(seconds=20)
"""After this time a container that is not created gets an explanation; the kubelet tells of volumes in Events alone."""

_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PostStartHookError"}
)


@dataclass(frozen=True, slots=True)
class Blocker:
    """What keeps the job from running: one CamelCase word and one sentence."""

    reason: str
    message: str


def blocking_namesakes(job: TrainingJob, plan: Plan, children: Children) -> Blocker | None:
    """Return what holds a name that the job needs: a pod or Service of an earlier job, or of somebody else."""
    needed = {replica.pod for replica in plan.replicas}
    pods = sorted(
        (pod for pod in children.pods if pod.owner_uid != job.uid and pod.name in needed), key=lambda p: p.name
    )
    services = [s for s in children.services if s.owner_uid != job.uid and s.name == plan.service["metadata"]["name"]]
    if pods:
        return _namesake("pod", pods[0], len(pods))
    if services:
        return _namesake("Service", services[0], len(services))
    return None


def _namesake(kind: str, child: ObservedPod | ObservedService, count: int) -> Blocker:
    others = f" and {count - 1} more" if count > 1 else ""
    if child.deleting:
        return Blocker(
            "WaitingForOldPods", f"The {kind} {child.name}{others} of an earlier job is still being deleted."
        )
    return Blocker(
        "WaitingForOldPods",
        f"The {kind} {child.name}{others} is not this job's, maybe an earlier one's of this name; it has to go first.",
    )


def explain_waiting(job: TrainingJob, children: Children, replicas: ReplicaSet, now: datetime) -> Blocker:
    """Return the first cause that keeps a job pending; one of `ORDINARY` when nothing is wrong."""
    if refusals := [item for item in children.refusals if not is_tensorboards(job, item.kind, item.name)]:
        return _refusal(refusals)
    waiting = [view for view in replicas if view.state is State.WAITING]
    for find in (_image, _config, _init):
        if blocker := find(waiting):
            return blocker
    if blocker := _unschedulable(waiting, queue_of(job.spec)):
        return blocker
    if job.spec and (blocker := _slow(job.spec, waiting, now)):
        return blocker
    if preparing := explain_preparing(view.pod for view in waiting if view.pod):
        return Blocker(*preparing)
    return _on_its_way(replicas)


def slow_container_at(replicas: ReplicaSet, now: datetime) -> datetime | None:
    """Return when a container that is still not created should be explained; None when none is about to be."""
    moments = [pod.created + SLOW_CONTAINER for pod in _uncreated(replicas)]
    return min((moment for moment in moments if moment > now), default=None)


def _refusal(refusals: Iterable[Refusal]) -> Blocker:
    ordered = sorted(refusals, key=lambda refusal: (refusal.kind == "Pod", refusal.kind, refusal.name))
    first = ordered[0]
    others = f" ({len(ordered) - 1} more are refused as well)" if len(ordered) > 1 else ""
    return Blocker(first.why, f"{first.kind} {first.name} could not be created: {first.message}{others}")


def _image(waiting: list[ReplicaView]) -> Blocker | None:
    return _container(waiting, _IMAGE_REASONS, "ImagePull", "cannot get its image")


def _config(waiting: list[ReplicaView]) -> Blocker | None:
    return _container(waiting, _CONFIG_REASONS, "ContainerConfig", "cannot start its container")


def _container(waiting: list[ReplicaView], reasons: frozenset[str], word: str, what: str) -> Blocker | None:
    for pod in (view.pod for view in waiting if view.pod):
        if pod.main.reason in reasons:
            return Blocker(word, f"Pod {pod.name} {what} ({pod.main.reason}): {pod.main.message}")
        # An init container usually has the same image and environment, and is the first that cannot have them.
        reason, _, words = pod.init_trouble.partition(": ")
        if reason in reasons:
            return Blocker(word, f"Pod {pod.name} {what} ({reason}): {words}")
    return None


def _init(waiting: list[ReplicaView]) -> Blocker | None:
    for view in waiting:
        if view.pod and view.pod.init_trouble:
            return Blocker(
                "InitContainer", f"Pod {view.pod.name} is held up by an init container: {view.pod.init_trouble}"
            )
    return None


def _unschedulable(waiting: list[ReplicaView], queue: str) -> Blocker | None:
    stuck = [view.pod for view in waiting if view.pod and (view.pod.unschedulable or view.pod.scheduling_reason)]
    if not stuck:
        return None
    reason = "Queued" if stuck[0].scheduling_reason == "SchedulingGated" else "Unschedulable"
    others = f" (and {len(stuck) - 1} more)" if len(stuck) > 1 else ""
    if reason == "Queued" and queue:
        return Blocker(reason, f"Pod {stuck[0].name}{others} waits for Kueue to admit the job to queue {queue}.")
    return Blocker(reason, f"Pod {stuck[0].name} finds no node{others}: {stuck[0].unschedulable or reason}")


def _slow(spec: TrainingJobSpec, waiting: list[ReplicaView], now: datetime) -> Blocker | None:
    for pod in _uncreated(waiting):
        if now >= pod.created + SLOW_CONTAINER:
            needs = _needs(spec)
            why = f"; it needs {needs}: see that they exist, then kubectl describe pod" if needs else ""
            return Blocker("ContainerCreating", f"The container of pod {pod.name} is not created yet{why}.")
    return None


def _uncreated(views: Iterable[ReplicaView]) -> list[ObservedPod]:
    """Return the pods in which nothing runs yet; an init container at work takes the time that it needs."""
    waiting = [view.pod for view in views if view.state is State.WAITING and view.pod]
    return [pod for pod in waiting if not (pod.init_running or pod.preparing)]


def _needs(spec: TrainingJobSpec) -> str:
    words = []
    for volume in spec.volumes or []:
        if volume.config_map and not volume.config_map.optional:
            words.append(f"ConfigMap {volume.config_map.name}")
        if volume.secret and not volume.secret.optional:
            words.append(f"Secret {volume.secret.secret_name}")
        if volume.persistent_volume_claim:
            words.append(f"claim {volume.persistent_volume_claim.claim_name}")
    return ", ".join(words)


def _on_its_way(replicas: ReplicaSet) -> Blocker:
    workers = replicas.of(Role.WORKER)
    absent = [view.replica.pod for view in workers if not (view.pod and view.pod.ready)]
    # The reason stays until the launcher has begun: another word for a second or two would be one more write.
    if workers and any(view.state in (State.MISSING, State.WAITING) for view in replicas.of(Role.LAUNCHER)):
        up = f"{len(workers) - len(absent)} of {len(workers)} workers accept connections"
        others = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        then = f"waits for {absent[0]}{others}" if absent else "is about to begin"
        return Blocker(WAITING_FOR_WORKERS, f"{up}; the launcher {then}.")
    return Blocker(STARTING, _progress(replicas))


def _progress(replicas: ReplicaSet) -> str:
    begun = sum(view.state not in (State.MISSING, State.WAITING) for view in replicas)
    return f"{begun} of {len(replicas.views)} replicas have started."
