"""How long a finished job keeps its pods and itself."""

from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.times import parse_time
from trainingjob.reconcile.decision import Action, DeleteJob, DeletePod
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.stopping import stop_grace


def retire(
    job: TrainingJob, pods: tuple[ObservedPod, ...], now: datetime
) -> tuple[tuple[Action, ...], datetime | None]:
    """Return what a finished job's times to live ask for now, and when they will ask for more."""
    if job.spec is None or job.status.completion_time is None:
        return (), None
    ended = parse_time(job.status.completion_time)
    actions: list[Action] = []
    moments: list[datetime] = []
    if (seconds := job.spec.ttl_seconds_after_finished) is not None:
        if now >= (at := ended + timedelta(seconds=seconds)):
            return (DeleteJob(job.uid, job.resource_version),), None
        moments.append(at)
    if (seconds := job.spec.pod_ttl_seconds) is not None and pods:
        if now >= (at := ended + timedelta(seconds=seconds)):
            actions += [DeletePod(p.name, p.uid, stop_grace(job.spec, p)) for p in pods if not p.deleting]
        else:
            moments.append(at)
    return tuple(actions), min(moments, default=None)
