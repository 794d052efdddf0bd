"""What the model stores: bodies that never change, and the changes from one to the next."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from trainingjob.api.times import format_time

Body = dict[str, Any]
"""A stored object. It is handed out as it is and must never be changed: the same version is the same Python object."""
Key = tuple[str, str]
"""Namespace and name."""

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"

_ABSENT = object()


class Change(NamedTuple):
    """One change of one object."""

    version: int
    """The resource version that it made."""
    kind: str
    """ADDED, MODIFIED or DELETED."""
    resource: str
    """The plural, as `pods`."""
    body: Body
    """The object afterwards; of a deletion the last that was stored, with the version of the deletion."""
    before: Body | None
    """The object before; None where there was none."""


def counted_uids() -> Callable[[], str]:
    """Return a source of uids that differ in their first eight characters and are the same in every run."""
    return _CountedUids().next


class _CountedUids:
    """Counts in the open, so that a copy of it goes on where it was; a generator cannot be copied."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last += 1
        return f"{self._last:08x}-0000-4000-8000-{self._last:012x}"


def merged(old: Body, patch: Body) -> Body:
    """Return an object after a JSON merge patch; what the patch leaves alone is shared, without effect `old` itself."""
    result: dict[str, Any] | None = None
    for name, wanted in patch.items():
        before = old.get(name, _ABSENT)
        value = wanted
        if isinstance(wanted, dict):
            value = merged(before if isinstance(before, dict) else {}, wanted)
            if value is before:
                continue
        elif value == before or (value is None and before is _ABSENT):
            continue
        if result is None:
            result = dict(old)
        if value is None:
            del result[name]
        else:
            result[name] = value
    return old if result is None else result


@lru_cache(maxsize=1024)
def stamp(moment: datetime, later: int = 0) -> str:
    """Write the time so many seconds after a moment; a clock that is stepped by hand shows few, again and again."""
    return format_time(moment + timedelta(seconds=later))


def tidied(body: Body) -> Body:
    """Return an object of whose metadata nothing is left that is empty, as the server stores it."""
    metadata = body["metadata"]
    if all(metadata.values()):
        return body
    kept = {name: value for name, value in metadata.items() if value not in ({}, [], "", None)}
    return body if len(kept) == len(metadata) else {**body, "metadata": kept}


def with_metadata(body: Body, **fields: Any) -> dict[str, Any]:
    """Return an object with other metadata; the rest is shared."""
    return {**body, "metadata": {**body["metadata"], **fields}}


def key_of(body: Body) -> Key:
    """Return namespace and name of a stored object."""
    metadata = body["metadata"]
    return metadata["namespace"], metadata["name"]
