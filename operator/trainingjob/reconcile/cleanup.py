"""Which pods of a finished job are deleted."""

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import CleanPodPolicy
from trainingjob.api.status import Phase
from trainingjob.reconcile.deadlines import DEADLINE_EXCEEDED, PENDING_DEADLINE_EXCEEDED
from trainingjob.reconcile.decision import DeletePod
from trainingjob.reconcile.observed import Children, ObservedPod, owned
from trainingjob.reconcile.replicas import State, judge
from trainingjob.reconcile.stopping import stop_grace

_DEFAULT_GRACE_SECONDS = 30


def clean_up(job: TrainingJob, children: Children) -> tuple[DeletePod, ...]:
    """Return the deletes that a finished job's policy asks for; the same on every terminal path.

    A job whose stored form no longer validates is cleaned up by the default policy, so that it holds no GPU.
    """
    policy = job.spec.clean_pod_policy if job.spec else CleanPodPolicy.RUNNING
    if policy is CleanPodPolicy.NONE and _must_stop(job):
        policy = CleanPodPolicy.RUNNING
    return tuple(
        DeletePod(pod.name, pod.uid, _grace(job, pod))
        for pod in owned(job, children.pods)
        if not pod.deleting and _unwanted(pod, policy)
    )


def _grace(job: TrainingJob, pod: ObservedPod) -> int:
    if job.spec is None:
        return _DEFAULT_GRACE_SECONDS
    # Where an end was held back for the artifacts, their time is over.
    return job.spec.stop_grace_seconds if job.status.ending else stop_grace(job.spec, pod)


def _must_stop(job: TrainingJob) -> bool:
    """Say whether a job's programs are stopped whatever its policy: its user or a deadline asks for just that."""
    asked = job.spec is not None and (job.spec.cancel or job.spec.suspend)
    overdue = job.status.reason in (DEADLINE_EXCEEDED, PENDING_DEADLINE_EXCEEDED)
    return asked or overdue or job.status.phase is Phase.CANCELLED


def _unwanted(pod: ObservedPod, policy: CleanPodPolicy) -> bool:
    match policy:
        case CleanPodPolicy.NONE:
            return False
        case CleanPodPolicy.RUNNING:
            # The kubelet writes the pod's last phase a moment after the program's end: a pod whose program has ended
            # is kept with its log, unless a sidecar that outlives the program still holds the pod's resources.
            return pod.phase not in ("Succeeded", "Failed") and (
                judge(pod) in (State.WAITING, State.RUNNING) or pod.others_running
            )
        case CleanPodPolicy.ALL:
            return True
