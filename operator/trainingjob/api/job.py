"""A stored TrainingJob as the pure layers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import TrainingJobStatus
from trainingjob.api.times import parse_time


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A job as it is stored: identity, what it asks for, what was last said of it."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleting: bool
    spec: TrainingJobSpec | None
    """What the job asks for; None when the stored form does not validate."""
    problem: str
    """Why the stored form does not validate, one sentence for each field; empty when it does."""
    status: TrainingJobStatus

    @property
    def key(self) -> tuple[str, str]:
        """Return namespace and name."""
        return self.namespace, self.name


def read_job(body: Mapping[str, Any]) -> TrainingJob:
    """Read a TrainingJob from the API server's object; a spec that does not validate is kept as a problem.

    Raises:
        KeyError: when the object lacks metadata that every stored object has.
    """
    metadata = body["metadata"]
    spec, problem = _read_spec(body.get("spec") or {})
    return TrainingJob(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created=parse_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        spec=spec,
        problem=problem,
        status=_read_status(body.get("status") or {}),
    )


def _read_spec(stored: Mapping[str, Any]) -> tuple[TrainingJobSpec | None, str]:
    try:
        return TrainingJobSpec.model_validate(stored), ""
    except ValidationError as error:
        return None, "; ".join(_sentence(item) for item in error.errors(include_url=False)[:5])


def _sentence(error: Any) -> str:
    where = ".".join(["spec", *(str(part) for part in error["loc"])])
    return f"{where}: {error['msg']}"


def _read_status(stored: Mapping[str, Any]) -> TrainingJobStatus:
    # A newer operator may have written fields that this one does not know; they say nothing that it acts on.
    known = {name: stored[name] for name in _STATUS_FIELDS if name in stored}
    try:
        return TrainingJobStatus.model_validate(known)
    except ValidationError as error:
        # One unreadable field must not hide the others: a job that has ended stays ended.
        unreadable = {str(item["loc"][0]) for item in error.errors()}
        return TrainingJobStatus.model_validate({k: v for k, v in known.items() if k not in unreadable})


_STATUS_FIELDS = [field.alias or name for name, field in TrainingJobStatus.model_fields.items()]
