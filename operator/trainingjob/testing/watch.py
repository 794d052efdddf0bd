"""Readers of the changes of one kind; each has its own place, and moves when its owner asks."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, Protocol

from trainingjob.testing.objects import ADDED, DELETED, MODIFIED, Body, Change, with_metadata
from trainingjob.testing.selectors import selects

_VERSION: Final = attrgetter("version")


class Log(Protocol):
    """The changes of one kind of objects."""

    @property
    def entries(self) -> Sequence[Change]:
        """All changes, in their order."""

    @property
    def compacted(self) -> int:
        """The version up to which changes are forgotten."""

    @property
    def version(self) -> int:
        """The newest version of the whole store."""


class Watch:
    """A watch that is read event by event; how late is up to the reader.

    With a selector an object comes (ADDED) when it gets the label and goes (DELETED) when it loses it, as from the
    API server.
    """

    __slots__ = ("_expired", "_log", "_namespace", "_next", "_selects", "_type", "version")

    def __init__(self, log: Log, version: int, namespace: str, selector: str) -> None:
        self._log = log
        self._namespace = namespace
        self._selects = selects(selector)
        is_newest = version >= log.version
        self._next = len(log.entries) if is_newest else bisect_right(log.entries, version, key=_VERSION)
        self._type = ""
        """The type of the next event, once it is known."""
        self._expired = version < log.compacted
        self.version = version
        """The version of the last event that was taken: from there a new watch can go on."""

    def waiting(self) -> bool:
        """Say whether an event waits to be taken."""
        entries = self._log.entries
        if self._next == len(entries):
            return self._expired
        self._expired = self._expired or entries[self._next].version <= self._log.compacted
        while not (self._expired or self._type) and self._next < len(entries):
            self._type = self._seen_as(entries[self._next])
            self._next += not self._type
        return self._expired or bool(self._type)

    def take(self) -> dict[str, Any] | None:
        """Return the next event as the API server sends it, None when there is none.

        What was compacted away meanwhile is told by an ERROR event with the code 410; the watch is over then.
        """
        if not self.waiting():
            return None
        if self._expired:
            return {"type": "ERROR", "object": _too_old(self.version, self._log.compacted)}
        change = self._log.entries[self._next]
        event = {"type": self._type, "object": self._shown(change)}
        self._next, self._type, self.version = self._next + 1, "", change.version
        return event

    def bookmark(self) -> dict[str, Any]:
        """Return the event that tells a reader who has taken everything how far that was.

        Raises:
            ValueError: when events wait that have not been taken.
        """
        if self.waiting():
            raise ValueError("a bookmark before events that are not taken yet would hide them")
        self.version = self._log.version
        return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}}

    def _seen_as(self, change: Change) -> str:
        """Return the type of the event that this reader gets of a change; empty for none."""
        if self._namespace and change.body["metadata"]["namespace"] != self._namespace:
            return ""
        if self._selects is None:
            return change.kind
        before, after = False, change.kind != DELETED and self._holds(change.body)
        if change.before is not None:
            labels = change.before["metadata"].get("labels")
            same = after and labels is change.body["metadata"].get("labels")
            before = same or self._holds(change.before)
        if after:
            return MODIFIED if before else ADDED
        return DELETED if before else ""

    def _shown(self, change: Change) -> Body:
        # An object that has lost its label is shown as it was, in the version in which it has lost it.
        if self._type == DELETED and change.kind == MODIFIED and change.before is not None:
            return with_metadata(change.before, resourceVersion=str(change.version))
        return change.body

    def _holds(self, body: Body) -> bool:
        return self._selects is None or self._selects(body["metadata"].get("labels") or {})


def _too_old(version: int, oldest: int) -> Body:
    message = f"too old resource version: {version} ({oldest})"
    return {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": message}
