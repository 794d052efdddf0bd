"""A stored TrainingJob as the pure layers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trainingjob.api.rules import validate_job
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import TrainingJobStatus
from trainingjob.api.times import parse_time

MAX_PROBLEMS = 5
"""How many sentences tell what is wrong with a stored form; more would help nobody."""


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
    managed_by: str
    """The controller that runs the job; empty when the job does not say."""
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
    spec, problems = _read_spec(metadata["name"], body.get("spec") or {})
    return TrainingJob(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created=parse_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        managed_by=str((body.get("spec") or {}).get("managedBy") or ""),
        spec=None if problems else spec,
        problem=_told(problems),
        status=_read_status(body.get("status") or {}),
    )


def _read_spec(name: str, stored: Mapping[str, Any]) -> tuple[TrainingJobSpec | None, list[str]]:
    try:
        spec = TrainingJobSpec.model_validate(stored)
    except ValidationError as error:
        return None, [_sentence(item) for item in error.errors(include_url=False)]
    return spec, validate_job(name, spec)


def _told(problems: list[str]) -> str:
    left_out = len(problems) - MAX_PROBLEMS
    more = [f"and {left_out} more"] if left_out > 0 else []
    return "; ".join([*problems[:MAX_PROBLEMS], *more])


def _sentence(error: ErrorDetails) -> str:
    path = "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    said = {"extra_forbidden": "this version has no such field", "missing": "this field is missing"}
    return f"{path}: {said.get(error['type'], error['msg'].removeprefix('Value error, '))}"


def _read_status(stored: Mapping[str, Any]) -> TrainingJobStatus:
    try:
        return TrainingJobStatus.model_validate(stored)
    except ValidationError as error:
        # One unreadable field must not hide the others: a job that has ended stays ended.
        unreadable = {str(item["loc"][0]) for item in error.errors()}
        return TrainingJobStatus.model_validate({k: v for k, v in stored.items() if k not in unreadable})
