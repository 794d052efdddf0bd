"""What the uploading sidecars report, and what of it is believed: their words come out of training pods."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from trainingjob.api.status import MAX_ARTIFACTS, MAX_METRICS, Artifact, ConditionType, MetricStatus
from trainingjob.contract.report import Report
from trainingjob.reconcile.conditions import Claim
from trainingjob.reconcile.observed import Sidecar

UPLOADED = "Uploaded"
SIDECAR_LOST = "SidecarLost"
UPLOAD_INCOMPLETE = "UploadIncomplete"
INVALID_REPORT = "InvalidReport"
NOTHING_UPLOADED = "NothingUploaded"

_REPORT_BYTES = 4096
"""What the kubelet keeps of a termination message."""
_SHOWN = 3
"""How many wrong fields are named."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What has become of one replica's artifact."""

    artifact: Artifact
    reason: str = UPLOADED
    """The reason for the condition ArtifactsComplete."""
    problem: str = ""
    """Why it is not complete, in a sentence; empty when it is."""
    metrics: tuple[MetricStatus, ...] = ()


def lost(replica: str, prefix: str, why: str) -> Upload:
    """Return an upload of which nothing was heard; what the store's last manifest says counts."""
    return Upload(Artifact(name=replica, uri=prefix, complete=False), SIDECAR_LOST, why)


def read_report(replica: str, prefix: str, sidecar: Sidecar) -> Upload:
    """Return what the report of a sidecar that has ended says, as far as it can be believed.

    Args:
        replica: `worker-0`.
        prefix: the folder that the pod's task has named.
        sidecar: the sidecar's end.
    """
    report, wrong = _parse(sidecar.report, prefix)
    if report is None and (sidecar.exit_code or not sidecar.report.strip()):
        code = "" if sidecar.exit_code is None else f" with exit code {sidecar.exit_code}"
        kind = f" ({sidecar.reason})" if sidecar.reason not in ("", "Error", "Completed") else ""
        return lost(replica, prefix, f"its sidecar ended{code}{kind} and has reported nothing")
    if report is None:
        return Upload(Artifact(name=replica, uri=prefix, complete=False), INVALID_REPORT, wrong)
    artifact = Artifact(
        name=replica,
        uri=report.uri,
        sha256=report.sha256,
        files=report.files,
        bytes=report.bytes,
        complete=report.complete,
    )
    metrics = tuple(MetricStatus(name=m.name, value=m.value, step=m.step) for m in report.metrics)
    if report.complete:
        return Upload(artifact, metrics=metrics)
    return Upload(artifact, UPLOAD_INCOMPLETE, report.problem or "the upload is not complete", metrics)


def claim_complete(uploads: Sequence[Upload]) -> Claim:
    """Return the condition ArtifactsComplete of a job that has ended."""
    if not uploads:
        message = "No program that could have left an artifact has begun."
        return Claim(ConditionType.ARTIFACTS_COMPLETE, False, NOTHING_UPLOADED, message, always=True)
    missing = [upload for upload in uploads if upload.problem]
    if not missing:
        words = "The artifact is" if len(uploads) == 1 else f"All {len(uploads)} artifacts are"
        return Claim(ConditionType.ARTIFACTS_COMPLETE, True, UPLOADED, f"{words} complete.")
    first, others = missing[0], len(missing) - 1
    more = f" ({others} more {'is' if others == 1 else 'are'} not complete)" if others else ""
    message = f"The artifact of {first.artifact.name} is not complete: {first.problem.rstrip('.')}{more}."
    return Claim(ConditionType.ARTIFACTS_COMPLETE, False, first.reason, message, always=True)


def listed(uploads: Sequence[Upload]) -> list[Artifact] | None:
    """Return the artifacts as a status lists them: those of the first replicas."""
    return [upload.artifact for upload in uploads[:MAX_ARTIFACTS]] or None


def last_metrics(uploads: Sequence[Upload]) -> list[MetricStatus] | None:
    """Return the metrics as a status lists them; of a name that several replicas have the first one's."""
    found: dict[str, MetricStatus] = {}
    for upload in uploads:
        for metric in upload.metrics:
            found.setdefault(metric.name, metric)
    return list(found.values())[:MAX_METRICS] or None


def _parse(text: str, prefix: str) -> tuple[Report | None, str]:
    """Return the report, or what is wrong with it: never its text, which could be anything."""
    if len(text.encode(errors="replace")) > _REPORT_BYTES:
        return None, f"its report is longer than {_REPORT_BYTES} bytes"
    try:
        report = Report.model_validate_json(text)
    except ValidationError as error:
        return None, _explain(error)
    if not re.fullmatch(rf"{re.escape(prefix)}(?:\.[1-9][0-9]{{0,5}})?", report.uri):
        return None, "its report names another folder of the store than the pod's own"
    if report.complete and report.sha256 is None:
        return None, "its report calls the artifact complete and gives no digest of a manifest"
    if len({metric.name for metric in report.metrics}) < len(report.metrics):
        return None, "its report has two values of one metric"
    return report, ""


def _explain(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if any(found["type"] == "json_invalid" for found in errors):
        return "its report is no JSON"
    # A name that the report has invented is its text as well.
    known = {str(found["loc"][0]) for found in errors if found["loc"] and found["loc"][0] in Report.model_fields}
    if not known:
        return "its report has other fields than a report has"
    names = sorted(known)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"its report has no valid {', '.join(names[:_SHOWN])}{more}"
