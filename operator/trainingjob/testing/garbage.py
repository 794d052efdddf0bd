"""Whose children outlive their owners: the garbage collector's view of the store."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trainingjob.testing.objects import Body, Key, key_of


class Garbage(NamedTuple):
    """An object whose owners are all gone."""

    plural: str
    key: Key
    uid: str


class Owners:
    """Knows of every object that has owners, and which uids are alive."""

    def __init__(self) -> None:
        self._alive: set[str] = set()
        self._owned: dict[str, tuple[Garbage, Sequence[Body]]] = {}
        """By uid the object and the references to its owners."""

    def learn(self, plural: str, body: Body, before: Body | None) -> None:
        """Take over an object that was stored."""
        metadata = body["metadata"]
        uid, owners = metadata["uid"], metadata.get("ownerReferences")
        if before is None:
            self._alive.add(uid)
        elif owners is before["metadata"].get("ownerReferences"):
            return
        if owners:
            self._owned[uid] = Garbage(plural, key_of(body), uid), owners
        else:
            self._owned.pop(uid, None)

    def forget(self, body: Body) -> None:
        """Take over that an object is gone."""
        uid = body["metadata"]["uid"]
        self._alive.discard(uid)
        self._owned.pop(uid, None)

    def garbage(self) -> Iterator[Garbage]:
        """Yield the objects of which no owner is alive, the oldest first."""
        for item, owners in list(self._owned.values()):
            if self._alive.isdisjoint(owner["uid"] for owner in owners):
                yield item
