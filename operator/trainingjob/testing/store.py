"""Where the objects are kept: one sequence of versions over all kinds, and the log of every change."""

from trainingjob.testing.garbage import Owners
from trainingjob.testing.objects import DELETED, Body, Change, Key


class Store:
    """All objects and all their changes."""

    def __init__(self) -> None:
        self.version = 0
        """The newest resource version."""
        self.compacted = 0
        """The version up to which changes are forgotten."""
        self.changes: list[Change] = []
        self.owners = Owners()
        self.raw: set[str] = set()
        """The uids of objects that are shown with defaults that are not written down yet."""
        self._kinds: dict[str, Kind] = {}

    def kind(self, plural: str) -> "Kind":
        """Return the objects of a kind; what nobody has stored yet is an empty one."""
        try:
            return self._kinds[plural]
        except KeyError:
            return self._kinds.setdefault(plural, Kind(self))

    def commit(self, change: str, plural: str, body: Body, before: Body | None) -> Body:
        """Write an object in a new version and return it as it is stored.

        Args:
            change: ADDED, MODIFIED or DELETED.
            plural: the kind.
            body: the object as it is to be; of a deletion as it was last.
            before: the object as it is stored; None for a new one.
        """
        self.version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self.version)}
        stored = {**body, "metadata": metadata}
        kind, key = self.kind(plural), (metadata["namespace"], metadata["name"])
        if change == DELETED:
            del kind.objects[key]
            self.owners.forget(stored)
        else:
            kind.objects[key] = stored
            self.owners.learn(plural, stored, before)
        if before is not None:
            self.raw.discard(metadata["uid"])
        entry = Change(self.version, change, plural, stored, before)
        self.changes.append(entry)
        kind.entries.append(entry)
        return stored


class Kind:
    """The objects of one kind, and the log that its watches read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.objects: dict[Key, Body] = {}
        self.entries: list[Change] = []

    @property
    def compacted(self) -> int:
        """Return the version up to which changes are forgotten."""
        return self._store.compacted

    @property
    def version(self) -> int:
        """Return the newest version of the whole store."""
        return self._store.version
