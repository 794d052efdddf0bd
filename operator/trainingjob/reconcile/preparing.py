"""Pods that are being prepared: how far they are, why it can go no further, and which code they have fetched."""

import re
from collections.abc import Iterable, Sequence

from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import SourceStatus
from trainingjob.contract import names
from trainingjob.reconcile.observed import ObservedPod

FETCHING_CODE = "FetchingCode"
INSTALLING_PACKAGES = "InstallingPackages"
DOWNLOADING_INPUTS = "DownloadingInputs"
RESTORING_ARTIFACT = "RestoringArtifact"
PREPARING = frozenset({FETCHING_CODE, INSTALLING_PACKAGES, DOWNLOADING_INPUTS, RESTORING_ARTIFACT})
"""The reasons of a job in the phase Preparing."""

_STEPS = (
    (names.FETCH_SOURCE, FETCHING_CODE, "is fetching its code"),
    (names.COPY_TOOLS, INSTALLING_PACKAGES, "is about to install its packages"),
    (names.INSTALL_PACKAGES, INSTALLING_PACKAGES, "is installing its packages"),
    (names.DOWNLOAD_INPUTS, DOWNLOADING_INPUTS, "is downloading its inputs"),
    (names.RESTORE_ARTIFACT, RESTORING_ARTIFACT, "is restoring an artifact"),
)
"""Container, reason and words of each step, the first one first."""

_REFUSALS = {
    names.FETCH_SOURCE: ("SourceFailed", "could not fetch its code"),
    names.COPY_TOOLS: ("PackagesFailed", "could not install its packages"),
    names.INSTALL_PACKAGES: ("PackagesFailed", "could not install its packages"),
    names.DOWNLOAD_INPUTS: ("InputsFailed", "could not download its inputs"),
    names.RESTORE_ARTIFACT: ("RestoreFailed", "could not restore an artifact"),
}
REFUSALS = dict(_REFUSALS.values())
"""The reasons of a job that cannot be prepared however often it is tried, each with what its pod could not do."""

_COMMIT = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9A-Za-z])")


def explain_preparing(pods: Iterable[ObservedPod]) -> tuple[str, str] | None:
    """Return reason and message of the pods that are being prepared; the least advanced one decides.

    None where no pod is being prepared.
    """
    order = [name for name, _, _ in _STEPS]
    found = sorted((order.index(pod.preparing), pod.name) for pod in pods if pod.preparing)
    if not found:
        return None
    step, pod = found[0]
    _, reason, words = _STEPS[step]
    others = len(found) - 1
    more = f", and {others} more {'is' if others == 1 else 'are'} being prepared" if others else ""
    return reason, f"Pod {pod} {words}{more}."


def refusal(pod: ObservedPod) -> str:
    """Return the reason why a pod can never be prepared as it is asked for; empty where trying again may help."""
    if pod.init_exit_code != names.EXIT_REFUSED or pod.init_name not in _REFUSALS:
        return ""
    return _REFUSALS[pod.init_name][0]


def fetched_source(spec: TrainingJobSpec | None, pods: Sequence[ObservedPod]) -> SourceStatus | None:
    """Return what the pods have fetched: an archive, or the commit that the first of them names.

    None where none says so. The message comes from a pod: nothing of it is taken over but an id of the right form.
    """
    source = spec.source if spec else None
    if source and source.archive:
        # What follows the path may be a signature.
        return SourceStatus(uri=source.archive.uri.partition("?")[0])
    if not (source and source.git):
        return None
    found = (_COMMIT.search(pod.fetched) for pod in pods if pod.fetched)
    return next((SourceStatus(commit=match.group()) for match in found if match), None)
