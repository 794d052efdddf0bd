"""Turn a status into the smallest patch that makes the stored one equal to it."""

from collections.abc import Mapping
from typing import Any

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import TrainingJobStatus


def status_patch(job: TrainingJob, status: TrainingJobStatus) -> dict[str, Any]:
    """Return the merge patch of the status subresource; it fails when the stored job is no longer this version of it.

    Fields that only a newer operator knows are left as they are.
    """
    return {
        "metadata": {"uid": job.uid, "resourceVersion": job.resource_version},
        "status": merge_difference(job.status.manifest(), status.manifest()),
    }


def merge_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch that turns one object into another; what vanished is null, lists are whole."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if inner := merge_difference(old, value):
                patch[name] = inner
        elif name not in before or old != value:
            patch[name] = value
    return patch
