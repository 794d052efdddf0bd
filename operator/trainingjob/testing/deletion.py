"""What a request to delete makes of an object: it may stay for its grace period or its finalizers."""

from datetime import datetime
from typing import NamedTuple

from trainingjob.api.times import parse_time
from trainingjob.testing.objects import Body, stamp, with_metadata

_ENDED = ("Succeeded", "Failed")
_DEFAULT_GRACE = 30


class Deletion(NamedTuple):
    """What is written: first the mark, if there is one, then the removal."""

    marked: Body | None
    """The object as it waits for its end; None when nothing of it changes."""
    removed: bool


def delete_pod(pod: Body, grace: int | None, now: datetime) -> Deletion:
    """Return what becomes of a pod: only one that has a node and whose programs have not ended gets its grace.

    Args:
        pod: the pod as it is stored.
        grace: seconds that the request asks for; None for what the pod itself says.
        now: the server's time.
    """
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        return _hasten(pod, grace)
    seconds = pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE) if grace is None else grace
    if seconds < 0:
        seconds = 1
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in _ENDED:
        seconds = 0
    marked = with_metadata(pod, deletionTimestamp=stamp(now, seconds), deletionGracePeriodSeconds=seconds)
    return Deletion(marked, removed=seconds == 0 and not metadata.get("finalizers"))


def _hasten(pod: Body, grace: int | None) -> Deletion:
    """Return what a second request makes of a pod: its grace period can only become shorter."""
    metadata = pod["metadata"]
    before = metadata["deletionGracePeriodSeconds"]
    if grace is None or grace >= before:
        return Deletion(None, removed=False)
    at = stamp(parse_time(metadata["deletionTimestamp"]), grace - before)
    marked = with_metadata(pod, deletionTimestamp=at, deletionGracePeriodSeconds=grace)
    return Deletion(marked, removed=grace == 0 and not metadata.get("finalizers"))


def delete_other(body: Body, now: datetime) -> Deletion:
    """Return what becomes of any other object: it is gone at once, unless finalizers hold it."""
    metadata = body["metadata"]
    if not metadata.get("finalizers"):
        return Deletion(None, removed=True)
    if "deletionTimestamp" in metadata:
        return Deletion(None, removed=False)
    more = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
    marked = with_metadata(body, deletionTimestamp=stamp(now), deletionGracePeriodSeconds=0, **more)
    return Deletion(marked, removed=False)


def may_go(before: Body, after: Body) -> bool:
    """Say whether a patch removes the object: it took the last finalizer away from one that has no grace left."""
    metadata = before["metadata"]
    if "deletionTimestamp" not in metadata or after["metadata"].get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")
