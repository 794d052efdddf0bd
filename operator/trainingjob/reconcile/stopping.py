"""How long a pod may take to end when it is deleted."""

from trainingjob.api.spec import TrainingJobSpec
from trainingjob.reconcile.observed import ObservedPod


def stop_grace(spec: TrainingJobSpec, pod: ObservedPod) -> int:
    """Return the seconds between SIGTERM and SIGKILL: a pod that still has to upload gets those for it, too."""
    uploads = pod.artifacts is not None and not pod.artifacts.ended
    return spec.stop_grace_seconds + (spec.outputs.flush_seconds if spec.outputs and uploads else 0)
