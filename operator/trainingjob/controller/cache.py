"""What the operator knows of jobs, pods and Services: the newest version of each, grouped by job."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, Protocol, TypeVar

Key = tuple[str, str]
"""Namespace and name of a job."""

_GRAVES_KEPT: Final = 50_000


class Stored(Protocol):
    """A value that a cache can hold."""

    @property
    def namespace(self) -> str:
        """The namespace."""

    @property
    def name(self) -> str:
        """The name, unique within the namespace at one time."""

    @property
    def uid(self) -> str:
        """The identity, unique for ever."""

    @property
    def resource_version(self) -> str:
        """The version, a number that is greater for what is newer."""


S = TypeVar("S", bound=Stored)


class Graveyard:
    """The uids of objects that are gone, each with the version of its end: older news of it is no news.

    Newer news is possible, because an object also leaves a watch when it loses its label, and may get it back.
    """

    def __init__(self, kept: int = _GRAVES_KEPT) -> None:
        self._kept = kept
        self._ends: dict[str, int] = {}

    def holds(self, uid: str, version: int) -> bool:
        """Say whether the object was already gone when this version of it came into being."""
        return version <= self._ends.get(uid, -1)

    def add(self, uid: str, version: int) -> None:
        """Remember the end of an object; the ends remembered for longest are forgotten when there are too many."""
        self._ends[uid] = max(version, self._ends.pop(uid, -1))
        if len(self._ends) > self._kept:
            self._ends.pop(next(iter(self._ends)))


class ObjectCache(Generic[S]):
    """The objects of one kind, fed by a watch, by lists and by the operator's own writes.

    Of two versions of an object the newer one stays, in whatever order they arrive. `changed` is told the job of
    every object that a watch or a list has changed; what the operator wrote itself it knows already.
    """

    def __init__(self, changed: Callable[[Key], None], job_of: Callable[[S], str]) -> None:
        """Make an empty cache; `job_of` names the job that an object belongs to."""
        self._changed = changed
        self._job_of = job_of
        self._objects: dict[Key, S] = {}
        self._by_job: dict[Key, dict[str, S]] = {}
        self._sorted: dict[Key, tuple[S, ...]] = {}
        """What `of` has returned and is still so: a job is looked at more often than its objects change."""
        self._gone = Graveyard()
        self.newest = 0
        """The greatest version that was ever seen."""

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[S]:
        return iter(list(self._objects.values()))

    def of(self, key: Key) -> tuple[S, ...]:
        """Return the objects of a job in the order of their names."""
        found = self._sorted.get(key)
        if found is None:
            known = self._by_job.get(key)
            if known is None:
                return ()
            found = self._sorted[key] = tuple([known[name] for name in sorted(known)])
        return found

    def get(self, namespace: str, name: str) -> S | None:
        """Return one object by its own name."""
        return self._objects.get((namespace, name))

    def observe(self, stored: S) -> None:
        """Take over what a watch or a list has shown."""
        if self._put(stored):
            self._tell(stored)

    def wrote(self, stored: S) -> None:
        """Take over what the API server answered to the operator itself."""
        self._put(stored)

    def amend(self, stored: S) -> None:
        """Take over what follows from a write whose answer did not show it; the next version replaces it."""
        known = self.get(stored.namespace, stored.name)
        if known is not None and known.uid == stored.uid:
            self._drop(known)
            self._insert(stored)

    def remove(self, stored: S) -> None:
        """Take over that an object is gone; `stored` is its last form, with the version of its end."""
        self._bury(stored, _version(stored))

    def replace(self, scope: str, stored: Iterable[S], version: int) -> None:
        """Take over a whole list of one namespace ("" for all) as of this resource version; the rest is gone.

        What is newer than the list stays: the list could not have known it.
        """
        listed = set()
        for item in stored:
            listed.add(item.uid)
            self.observe(item)
        for known in self:
            if scope in ("", known.namespace) and known.uid not in listed:
                self._bury(known, version)

    def reset(self, scope: str) -> None:
        """Forget everything of one namespace ("" for all): the server's store went back in time, as after a restore."""
        self._gone = Graveyard()
        self.newest = 0
        for known in self:
            if scope in ("", known.namespace):
                self._drop(known)
                self._tell(known)

    def _put(self, stored: S) -> bool:
        known = self.get(stored.namespace, stored.name)
        version = _version(stored)
        if version > self.newest:
            self.newest = version
        if self._gone.holds(stored.uid, version) or (known is not None and _version(known) >= version):
            return False
        if known is not None:
            self._drop(known)
            if known.uid != stored.uid:
                self._gone.add(known.uid, version)
            if self._job_of(known) != self._job_of(stored):
                self._tell(known)
        self._insert(stored)
        return True

    def _bury(self, stored: S, version: int) -> None:
        self._gone.add(stored.uid, version)
        known = self.get(stored.namespace, stored.name)
        if known is not None and known.uid == stored.uid and _version(known) <= version:
            self._drop(known)
            self._tell(known)

    def _tell(self, stored: S) -> None:
        self._changed((stored.namespace, self._job_of(stored)))

    def _insert(self, stored: S) -> None:
        key = (stored.namespace, self._job_of(stored))
        self._objects[stored.namespace, stored.name] = stored
        self._by_job.setdefault(key, {})[stored.name] = stored
        self._sorted.pop(key, None)

    def _drop(self, stored: S) -> None:
        key = (stored.namespace, self._job_of(stored))
        del self._objects[stored.namespace, stored.name]
        others = self._by_job[key]
        del others[stored.name]
        if not others:
            del self._by_job[key]
        self._sorted.pop(key, None)


def _version(stored: Stored) -> int:
    return int(stored.resource_version)
