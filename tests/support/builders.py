"""Small builders: a test names what matters to it, the rest is plain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.api.times import format_time

JOB_UID = "11111111-2222-4333-8444-555555555555"
CREATED = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def make_job_body(
    name: str = "mnist",
    namespace: str = "team",
    uid: str = JOB_UID,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    *,
    created: datetime = CREATED,
    generation: int = 1,
    resource_version: str = "100",
    deleting: bool = False,
    **spec_fields: Any,
) -> dict[str, Any]:
    """Return a TrainingJob as the API server stores it; see `make_job`."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "generation": generation,
        "resourceVersion": resource_version,
        "creationTimestamp": format_time(created),
    }
    if deleting:
        metadata["deletionTimestamp"] = format_time(created)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {"image": "registry.example.com/mnist:1.0", **(spec or {}), **spec_fields},
        "status": {"observedGeneration": -1, **(status or {})},
    }


def make_job(
    name: str = "mnist",
    namespace: str = "team",
    uid: str = JOB_UID,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    *,
    invalid: bool = False,
    **fields: Any,
) -> TrainingJob:
    """Return a stored job: `make_job(parameterServer={"workers": 2}, gpusPerWorker=1)`.

    Fields of the spec are given by their name in the manifest or in Python, as keywords or in `spec`. The keywords
    `created`, `generation`, `resource_version` and `deleting` are the resource's own metadata.

    Raises:
        ValueError: when the spec does not validate, unless `invalid` asks for just that.
    """
    job = read_job(make_job_body(name, namespace, uid, spec, status, **fields))
    if (job.spec is None) != invalid:
        raise ValueError(job.problem or "the spec is valid although the test wants an invalid one")
    return job
