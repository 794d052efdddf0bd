"""How many replicas are where, for the status."""

from collections.abc import Iterable, Mapping

from trainingjob.api.spec import Role
from trainingjob.api.status import ReplicaStatus, TrainingJobStatus
from trainingjob.reconcile.indexes import format_indexes
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State, judge


def count_replicas(replicas: ReplicaSet) -> dict[str, ReplicaStatus]:
    """Return the counts of each role that the job has, in the plan's order."""
    by_role: dict[Role, list[ReplicaView]] = {}
    for view in replicas:
        by_role.setdefault(view.replica.role, []).append(view)
    return {str(role): _count(views) for role, views in by_role.items()}


def ready_text(counts: Iterable[ReplicaStatus]) -> str:
    """Return the column: replicas that are ready or have succeeded, of all."""
    listed = list(counts)
    return f"{sum(c.ready + c.succeeded for c in listed)}/{sum(c.desired for c in listed)}"


def empty_counts(desired: int) -> ReplicaStatus:
    """Return the counts of a role of which nothing has begun."""
    return ReplicaStatus(desired=desired, active=0, ready=0, succeeded=0, failed=0)


def recount(stored: Mapping[str, ReplicaStatus], pods: Iterable[ObservedPod]) -> dict[str, ReplicaStatus]:
    """Return counts with what lives now; how many have succeeded or failed stays."""
    live = [pod for pod in pods if judge(pod) in (State.WAITING, State.RUNNING)]
    return {
        role: counts.model_copy(
            update={
                "active": sum(pod.role == role for pod in live),
                "ready": sum(pod.role == role and pod.ready for pod in live),
            }
        )
        for role, counts in stored.items()
    }


def recount_finished(status: TrainingJobStatus, pods: Iterable[ObservedPod]) -> TrainingJobStatus:
    """Return a finished job's status with what still lives counted anew; nothing else of it ever changes."""
    counts = recount(status.replicas or {}, pods)
    if not counts:
        return status
    return status.model_copy(update={"replicas": counts, "ready": ready_text(counts.values())})


def _count(views: list[ReplicaView]) -> ReplicaStatus:
    succeeded = [view.replica.index for view in views if view.state is State.SUCCEEDED]
    return ReplicaStatus(
        desired=len(views),
        active=sum(view.live for view in views),
        ready=sum(view.state is State.RUNNING and view.pod is not None and view.pod.ready for view in views),
        succeeded=len(succeeded),
        failed=sum(view.state is State.FAILED for view in views),
        succeeded_indexes=format_indexes(succeeded) or None,
    )
