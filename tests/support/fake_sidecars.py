"""What a fake kubelet plays of the operator's own containers: their ends, and what the uploading sidecar reports."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainingjob.contract.names import FETCH_SOURCE, TASK_VARIABLE, UPLOAD_ARTIFACTS
from trainingjob.contract.report import Metric, Report
from trainingjob.controller.kube import Object

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "ab" * 32


@dataclass(frozen=True)
class Upload:
    """What becomes of the sidecar when the program has ended."""

    exit_code: int | None = 0
    """Its exit code; None for one that never ends."""
    after: tuple[str, ...] = ()
    """What the test announces before everything is uploaded."""
    report: str | None = None
    """Its termination message; None for one that says that everything is uploaded."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of that report that are otherwise."""


def words_of(container: str) -> str:
    """Return the termination message of an init container that has done what it was asked to."""
    return COMMIT if container == FETCH_SOURCE else ""


def prepares(pod: Object) -> list[str]:
    """Return the names of the containers that run before the program, in their order."""
    return [found["name"] for found in pod["spec"].get("initContainers") or () if not _is_sidecar(found)]


def uploads(pod: Object) -> bool:
    """Say whether a pod has the sidecar that uploads."""
    return any(map(_is_sidecar, pod["spec"].get("initContainers") or ()))


def report_of(pod: Object, upload: Upload) -> str:
    """Return what the sidecar of a pod says at its end."""
    if upload.report is not None:
        return upload.report
    (sidecar,) = filter(_is_sidecar, pod["spec"]["initContainers"])
    (text,) = (variable["value"] for variable in sidecar["env"] if variable["name"] == TASK_VARIABLE)
    task = json.loads(text)
    whole = Report(
        uri=task.get("uri") or task["prefix"],
        sha256=DIGEST,
        files=3,
        bytes=4096,
        complete=True,
        metrics=(Metric(name="loss", value=0.5, step=10),),
    )
    return whole.model_copy(update=dict(upload.fields)).model_dump_json()


def _is_sidecar(container: Mapping[str, Any]) -> bool:
    return container["name"] == UPLOAD_ARTIFACTS and container.get("restartPolicy") == "Always"
