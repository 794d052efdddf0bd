"""What is read of the operator's own containers in a pod: how far it is prepared, and what becomes of its artifacts."""

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, Final

from trainingjob.contract import names
from trainingjob.reconcile.observed import Sidecar

Body = Mapping[str, Any]

REPORT_LIMIT: Final = 4096
"""Characters that are kept of a message of ours: as many as the kubelet keeps bytes."""
_PREPARING: Final = frozenset(
    {
        names.FETCH_SOURCE,
        names.COPY_TOOLS,
        names.INSTALL_PACKAGES,
        names.DOWNLOAD_INPUTS,
        names.RESTORE_ARTIFACT,
    }
)
_NO_STATE: Final[Body] = {}
_AT_WORK: Final = Sidecar()


def read_preparing(statuses: Iterable[Body]) -> str:
    """Return the container of ours that prepares a pod, or was the last to; empty when somebody else's came later.

    Args:
        statuses: those of the containers that run before `main`, without native sidecars, in their order.
    """
    begun = [status for status in statuses if not _waits(status)]
    last = begun[-1].get("name", "") if begun else ""
    return intern(last) if last in _PREPARING else ""


def read_fetched(statuses: Iterable[Body]) -> str:
    """Return what the container that fetches the source has said at its end; empty before."""
    found = next((status for status in statuses if status.get("name") == names.FETCH_SOURCE), _NO_STATE)
    end = (found.get("state") or _NO_STATE).get("terminated") or _NO_STATE
    return "" if end.get("exitCode") else (end.get("message") or "")[:REPORT_LIMIT]


def read_sidecar(spec: Body, statuses: Iterable[Body]) -> Sidecar | None:
    """Return the sidecar that uploads a pod's artifacts; None where the pod has none."""
    if not any(_uploads(container) for container in spec.get("initContainers") or ()):
        return None
    found = next((status for status in statuses if status.get("name") == names.UPLOAD_ARTIFACTS), _NO_STATE)
    end = (found.get("state") or _NO_STATE).get("terminated")
    if end is None:
        return _AT_WORK
    return Sidecar(
        ended=True,
        exit_code=end.get("exitCode"),
        reason=intern(end.get("reason") or ""),
        # One character more than there may be shows that there was more.
        report=(end.get("message") or "")[: REPORT_LIMIT + 1],
    )


def _waits(status: Body) -> bool:
    state = status.get("state") or _NO_STATE
    return not ("running" in state or "terminated" in state)


def _uploads(container: Body) -> bool:
    return container.get("name") == names.UPLOAD_ARTIFACTS and container.get("restartPolicy") == "Always"
