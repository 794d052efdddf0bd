"""Which pods of a finished job are deleted."""

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import CleanPodPolicy
from trainingjob.reconcile.decision import DeletePod
from trainingjob.reconcile.observed import Children, ObservedPod, owned

_DEFAULT_GRACE_SECONDS = 30


def clean_up(job: TrainingJob, children: Children) -> tuple[DeletePod, ...]:
    """Return the deletes that a finished job's policy asks for; the same on every terminal path.

    A job whose stored form no longer validates is cleaned up by the default policy, so that it holds no GPU.
    """
    policy = job.spec.clean_pod_policy if job.spec else CleanPodPolicy.RUNNING
    grace = job.spec.stop_grace_seconds if job.spec else _DEFAULT_GRACE_SECONDS
    return tuple(
        DeletePod(pod.name, pod.uid, grace)
        for pod in owned(job, children.pods)
        if not pod.deleting and _unwanted(pod, policy)
    )


def _unwanted(pod: ObservedPod, policy: CleanPodPolicy) -> bool:
    match policy:
        case CleanPodPolicy.NONE:
            return False
        case CleanPodPolicy.RUNNING:
            # By the pod's phase: a sidecar that outlives the main container still holds the pod's resources.
            return pod.phase not in ("Succeeded", "Failed")
        case CleanPodPolicy.ALL:
            return True
