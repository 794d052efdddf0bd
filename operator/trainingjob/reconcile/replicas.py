"""Sort a job's pods into its replicas once, so that every policy reads the same picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.api.status import TrainingJobStatus
from trainingjob.plan.model import Plan, Replica
from trainingjob.reconcile.indexes import parse_indexes
from trainingjob.reconcile.observed import Children, ObservedPod, owned

_STOPPED = (128 + 15, 128 + 9)
"""The exit codes of a program that was ended by SIGTERM and by SIGKILL."""


class State(Enum):
    """Where one replica stands; only the main container decides."""

    MISSING = "missing"
    """No pod, and nothing recorded of an end."""
    WAITING = "waiting"
    """A pod whose program has not begun."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """One replica with the pod that plays it."""

    replica: Replica
    state: State
    pod: ObservedPod | None
    replaceable: bool = False
    """Whether the others go on without it and take its successor in."""
    due: bool = False
    """Whether its restart is counted and its new pod is to be created."""
    before: str = ""
    """The uid of a pod that has had its time and still has the name; empty when the name is free."""

    @property
    def ended(self) -> datetime | None:
        """Return when the program ended, where a pod still tells."""
        return self.pod.main.ended if self.pod else None

    @property
    def taken_away(self) -> bool:
        """Say whether somebody deletes the pod, which is why its program has ended or is about to."""
        pod = self.pod
        if pod is None or not pod.deleting:
            return False
        ended = pod.main.ended
        # Many programs answer SIGTERM with a code of their own, torchrun with 1: then the times tell.
        told = ended is not None and pod.deleted_at is not None and ended >= pod.deleted_at
        return ended is None or told or pod.main.exit_code in _STOPPED

    @property
    def live(self) -> bool:
        """Say whether a pod exists whose program has not ended."""
        return self.pod is not None and self.state in (State.WAITING, State.RUNNING)


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """All replicas of a job in the plan's order."""

    views: tuple[ReplicaView, ...]

    def __iter__(self) -> Iterator[ReplicaView]:
        return iter(self.views)

    def of(self, *roles: Role) -> tuple[ReplicaView, ...]:
        """Return the replicas of the given roles."""
        return tuple(view for view in self.views if view.replica.role in roles)

    def without(self, role: Role) -> tuple[ReplicaView, ...]:
        """Return the replicas of every other role."""
        return tuple(view for view in self.views if view.replica.role != role)

    def view(self, replica: Replica) -> ReplicaView:
        """Return the view of one replica."""
        return next(view for view in self.views if view.replica == replica)


def outdated(job: TrainingJob, children: Children) -> tuple[ObservedPod, ...]:
    """Return the job's own pods that have had their time: of earlier attempts, and of replicas that start anew."""
    attempt, restarting = job.status.attempt or 0, job.status.restarting or {}
    return tuple(
        pod
        for pod in owned(job, children.pods)
        if pod.attempt < attempt or restarting.get(pod.name) == pod.uid or _was_not_wanted(job, pod)
    )


def _was_not_wanted(job: TrainingJob, pod: ObservedPod) -> bool:
    """Say whether a pod ends because fewer nodes were asked for, whatever is asked for now."""
    known = (job.status.replicas or {}).get(pod.role)
    return pod.deleting and known is not None and pod.index >= known.desired


def observe_replicas(job: TrainingJob, plan: Plan, children: Children) -> ReplicaSet:
    """Match the job's pods of this attempt with the plan's replicas by name; labels can be changed, names cannot."""
    old = {pod.uid: pod.name for pod in outdated(job, children)}
    pods = {pod.name: pod for pod in owned(job, children.pods) if pod.uid not in old}
    before = {name: uid for uid, name in old.items()}
    succeeded = recorded_successes(job.status)
    attempt, restarting = job.status.attempt or 0, job.status.restarting or {}
    failed = {f.pod for f in job.status.failures or [] if f.attempt == attempt and not f.restarted}
    return ReplicaSet(
        tuple(
            replace(
                _view(replica, pods.get(replica.pod), succeeded, failed - restarting.keys()),
                replaceable=plan.replaceable(replica),
                due=replica.pod not in pods and (replica.pod in restarting or _is_new(job, replica)),
                before=before.get(replica.pod, ""),
            )
            for replica in plan.replicas
        )
    )


def _is_new(job: TrainingJob, replica: Replica) -> bool:
    """Say whether a replica was added while the job ran: the stored counts do not know it yet."""
    known = (job.status.replicas or {}).get(replica.role)
    return known is not None and replica.index >= known.desired


def recorded_successes(status: TrainingJobStatus) -> dict[str, frozenset[int]]:
    """Return the indexes of each role that the stored status says have succeeded."""
    return {role: parse_indexes(counts.succeeded_indexes or "") for role, counts in (status.replicas or {}).items()}


def _view(
    replica: Replica, pod: ObservedPod | None, succeeded: dict[str, frozenset[int]], failed: set[str]
) -> ReplicaView:
    if replica.index in succeeded.get(replica.role, ()):
        return ReplicaView(replica, State.SUCCEEDED, pod)
    if pod is not None:
        return ReplicaView(replica, judge(pod), pod)
    return ReplicaView(replica, State.FAILED if replica.pod in failed else State.MISSING, None)


def judge(pod: ObservedPod) -> State:
    """Say where a pod stands by its main container; the pod's phase only where the container says nothing."""
    if pod.main.ended is not None:
        return State.SUCCEEDED if pod.main.exit_code == 0 else State.FAILED
    if pod.phase == "Failed":
        return State.FAILED
    if pod.phase == "Succeeded":
        return State.SUCCEEDED
    return State.RUNNING if pod.main.started is not None else State.WAITING
