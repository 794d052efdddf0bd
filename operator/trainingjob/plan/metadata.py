"""The metadata of a job's children: labels that find them, the owner that they end with."""

from trainingjob.api.constants import (
    API_VERSION,
    KIND,
    LABEL_ATTEMPT,
    LABEL_INDEX,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_ROLE,
)
from trainingjob.api.job import TrainingJob
from trainingjob.plan.model import Manifest, Replica


def job_labels(job: TrainingJob) -> dict[str, str]:
    """Return the labels of every child of this very job."""
    return {LABEL_JOB: job.name, LABEL_JOB_UID: job.uid}


def replica_labels(job: TrainingJob, replica: Replica, attempt: int) -> dict[str, str]:
    """Return the labels of the pod of a replica."""
    return {
        **job_labels(job),
        LABEL_ROLE: replica.role.value,
        LABEL_INDEX: str(replica.index),
        LABEL_ATTEMPT: str(attempt),
    }


def child_metadata(job: TrainingJob, name: str, labels: dict[str, str]) -> Manifest:
    """Return the metadata of a child that belongs to the job and goes with it."""
    return {
        "name": name,
        "namespace": job.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": job.name,
                "uid": job.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
