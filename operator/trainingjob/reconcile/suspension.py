"""Suspended jobs have no pods; their deadlines wait."""

from datetime import datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import Phase
from trainingjob.reconcile import interruptions
from trainingjob.reconcile.clocks import suspended_seconds
from trainingjob.reconcile.decision import Decision, DeletePod
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.stopping import stop_grace


def suspend(job: TrainingJob, spec: TrainingJobSpec, pods: tuple[ObservedPod, ...], now: datetime) -> Decision:
    """Decide for a job that is to have no pods: the status says so before they are deleted."""
    if not is_suspended(job):
        return Decision((), interruptions.suspended(job, pods, now))
    # While pods end one by one only counts change; the last word waits for nobody.
    return Decision(_delete(spec, pods), interruptions.suspended(job, pods, now), urgent=not pods)


def resume(job: TrainingJob, spec: TrainingJobSpec, pods: tuple[ObservedPod, ...], now: datetime) -> Decision:
    """Decide for a job that may run again: first the old pods have to be gone, for the new ones have their names."""
    if pods:
        return Decision(_delete(spec, pods), interruptions.suspended(job, pods, now), urgent=False)
    return Decision((), interruptions.resumed(job, suspended_seconds(job, now), now))


def _delete(spec: TrainingJobSpec, pods: tuple[ObservedPod, ...]) -> tuple[DeletePod, ...]:
    return tuple(DeletePod(pod.name, pod.uid, stop_grace(spec, pod)) for pod in pods if not pod.deleting)


def is_suspended(job: TrainingJob) -> bool:
    """Say whether the stored status is that of a job without pods."""
    return job.status.phase is Phase.SUSPENDED
