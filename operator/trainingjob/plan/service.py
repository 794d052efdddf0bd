"""The headless Service that gives every replica its name."""

from collections.abc import Sequence

from trainingjob.api.job import TrainingJob
from trainingjob.plan.metadata import child_metadata, job_labels
from trainingjob.plan.model import Manifest


def headless_service(job: TrainingJob, ports: Sequence[Manifest]) -> Manifest:
    """Return the Service of a job: `<job>-worker-0.<job>` resolves as soon as the pod has an address."""
    spec: Manifest = {
        "clusterIP": "None",
        # The processes of a job look for one another before they are ready: readiness is what they wait for.
        "publishNotReadyAddresses": True,
        # The uid keeps the pods of an earlier job of the same name out.
        "selector": job_labels(job),
    }
    if ports:
        spec["ports"] = list(ports)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(job, job.name, job_labels(job)),
        "spec": spec,
    }
