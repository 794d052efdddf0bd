"""The store and its API."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from trainingjob.controller.kube import JOBS, PODS, SERVICES, Resource
from trainingjob.controller.kube_errors import GoneError
from trainingjob.testing import admission, refusals
from trainingjob.testing.deletion import Deletion, delete_other, delete_pod, may_go
from trainingjob.testing.garbage import Garbage
from trainingjob.testing.objects import ADDED, DELETED, MODIFIED, Body, counted_uids, stamp, tidied
from trainingjob.testing.patching import patched
from trainingjob.testing.selectors import selects
from trainingjob.testing.store import Store
from trainingjob.testing.watch import Watch

_ENDED = ("Succeeded", "Failed")
_Bodies = list[Body]


class ModelServer:
    """A model of the API server: one thread, no input or output, no clock and no chance of its own.

    Modelled are names and uids, resource versions and preconditions, merge patches, the status subresource, grace
    periods and finalizers, owner references, a quota of pods, label selectors, lists in chunks, watches, and of
    TrainingJobs their defaults, their generation and what of them may change.

    Not modelled: whether an object is valid, what the server adds to the specs of others than TrainingJobs, the
    generation of pods, `managedFields`, namespaces, rights, webhooks, foreground deletion, lists of an earlier version
    than the newest, the moment that a quota takes to count anew. A controller-manager's part is played by whoever calls
    `garbage` and `collect`; nobody plays the one that gives up pods without a node or on one that is gone.
    """

    def __init__(self, clock: Callable[[], datetime], new_uid: Callable[[], str] | None = None) -> None:
        """Make an empty server.

        Args:
            clock: returns the server's time, in UTC.
            new_uid: returns a uid that was never used before; None for `counted_uids`.
        """
        self._clock = clock
        self._new_uid = new_uid or counted_uids()
        self._store = Store()
        self._quotas: dict[str, tuple[str, int]] = {}
        self._pages: list[list[Body]] = []
        self.changes = self._store.changes
        """Every change of every object, in its order; never forgotten."""

    @property
    def version(self) -> int:
        """Return the newest resource version."""
        return self._store.version

    @property
    def compacted(self) -> int:
        """Return the version up to which changes are forgotten."""
        return self._store.compacted

    def find(self, resource: Resource, namespace: str, name: str) -> Body | None:
        """Return an object as it is stored; None when there is none."""
        return self._store.kind(resource.plural).objects.get((namespace, name))

    def objects(self, resource: Resource) -> Iterable[Body]:
        """Return all objects of a kind."""
        return self._store.kind(resource.plural).objects.values()

    def get(self, resource: Resource, namespace: str, name: str) -> Body:
        """Read an object.

        Raises:
            NotFoundError: when there is none.
        """
        found = self._store.kind(resource.plural).objects.get((namespace, name))
        if found is None:
            raise refusals.not_found(resource, name)
        return found

    def list(
        self, resource: Resource, namespace: str = "", *, selector: str = "", limit: int = 0, token: str = ""
    ) -> Body:
        """Read the objects of a namespace (of all with ""), as of the newest version; `token` continues a list.

        Raises:
            GoneError: when the list to be continued has been forgotten.
        """
        if token:
            version, _, number = token.partition("-")
            if int(version) < self.compacted:
                raise GoneError("The provided continue parameter is too old", status=410, reason="Expired")
            found = self._pages[int(number)]
        else:
            version = str(self.version)
            found = self._found(resource.plural, namespace, selector)
        metadata: dict[str, Any] = {"resourceVersion": version}
        if limit and len(found) > limit:
            self._pages.append(found[limit:])
            metadata["continue"] = f"{version}-{len(self._pages) - 1}"
            found = found[:limit]
        return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": found}

    def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        """Store a new object and return it.

        Raises:
            AlreadyExistsError: when the name is taken.
            RefusedError: when a quota is used up.
        """
        plural, name = resource.plural, body["metadata"]["name"]
        if plural == PODS.plural:
            self._charge(namespace, name)
        if (namespace, name) in self._store.kind(plural).objects:
            raise refusals.already_exists(resource, name)
        metadata = {
            **body["metadata"],
            "namespace": namespace,
            "uid": self._new_uid(),
            "creationTimestamp": stamp(self._clock()),
        }
        new = tidied({**body, "metadata": metadata})
        if plural == JOBS.plural:
            new = admission.admit_new(new)
            # The server stores a new job without the default of its status, so that even the first patch that
            # changes nothing is a change: it writes that default down.
            self._store.raw.add(metadata["uid"])
        elif plural == PODS.plural:
            new = {**new, "status": {"phase": "Pending"}}
        return self._store.commit(ADDED, plural, new, None)

    def patch(self, resource: Resource, namespace: str, name: str, body: Body, *, subresource: str = "") -> Body:
        """Merge a patch into an object and return the object; where nothing changes nothing is written.

        A resource version in the patch's metadata is a precondition, and so is a uid, except of a TrainingJob's status.

        Raises:
            NotFoundError: when there is no such object.
            ConflictError: when it is another version.
            RefusedError: when it is another object, or may not be changed so.
        """
        before = self.get(resource, namespace, name)
        after = patched(resource, before, body, subresource)
        if after is before and before["metadata"]["uid"] not in self._store.raw:
            return before
        if may_go(before, after):
            # What the patch has changed is written nowhere, and shows in the answer alone.
            self._store.commit(DELETED, resource.plural, before, before)
            return after
        return self._store.commit(MODIFIED, resource.plural, after, before)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        version: str = "",
        grace_seconds: int | None = None,
    ) -> Body:
        """Delete an object, a pod with its grace period; `uid` and `version` are preconditions where they are given.

        Raises:
            NotFoundError: when there is no such object.
            ConflictError: when it is another object or another version.
        """
        before = self.get(resource, namespace, name)
        _check_delete(resource, before, uid, version)
        now = self._clock()
        if resource.plural == PODS.plural:
            deletion = delete_pod(before, grace_seconds, now)
        else:
            deletion = delete_other(before, now)
        return self._carry_out(resource, before, deletion)

    def bind(self, namespace: str, name: str, node: str) -> Body:
        """Give a pod its node, as a scheduler does.

        Raises:
            NotFoundError: when there is no such pod.
            ConflictError: when it has a node, or is being deleted.
        """
        before = self.get(PODS, namespace, name)
        if "deletionTimestamp" in before["metadata"]:
            raise refusals.unbindable(PODS, name, "is being deleted, cannot be assigned to a host")
        if node_before := before["spec"].get("nodeName"):
            raise refusals.unbindable(PODS, name, f'is already assigned to node "{node_before}"')
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(self._clock())}
        others = [c for c in before["status"].get("conditions") or () if c.get("type") != "PodScheduled"]
        status = {**before["status"], "conditions": [*others, condition]}
        after = {**before, "spec": {**before["spec"], "nodeName": node}, "status": status}
        return self._store.commit(MODIFIED, PODS.plural, after, before)

    def watch(self, resource: Resource, namespace: str = "", *, selector: str = "", version: str | int) -> Watch:
        """Return a reader of the changes of a kind that came after a version."""
        return Watch(self._store.kind(resource.plural), int(version), namespace, selector)

    def compact(self, version: int | None = None) -> None:
        """Forget the changes up to a version, by default the newest: watches that have not taken them are over."""
        self._store.compacted = max(self.compacted, self.version if version is None else version)

    def set_pod_quota(self, namespace: str, hard: int | None, name: str = "pods") -> None:
        """Allow a namespace so many pods whose programs have not ended; None for as many as one likes."""
        if hard is None:
            self._quotas.pop(namespace, None)
        else:
            self._quotas[namespace] = (name, hard)

    def garbage(self) -> tuple[Garbage, ...]:
        """Return the objects whose owners are all gone, for `collect`."""
        store = self._store
        return tuple(
            item
            for item in store.owners.garbage()
            if "deletionTimestamp" not in store.kind(item.plural).objects[item.key]["metadata"]
        )

    def collect(self, garbage: Garbage) -> None:
        """Delete an object whose owners are gone, as the garbage collector does; what is gone already is passed by."""
        found = self._store.kind(garbage.plural).objects.get(garbage.key)
        if found is not None and found["metadata"]["uid"] == garbage.uid:
            self.delete(Resource("", garbage.plural), *garbage.key, uid=garbage.uid)

    def _found(self, plural: str, namespace: str, selector: str) -> _Bodies:
        stored, holds = self._store.kind(plural).objects, selects(selector)
        if not stored:
            return []
        return [
            stored[key]
            for key in sorted(stored)
            if (not namespace or key[0] == namespace)
            and (holds is None or holds(stored[key]["metadata"].get("labels") or {}))
        ]

    def _charge(self, namespace: str, name: str) -> None:
        if namespace not in self._quotas:
            return
        quota, hard = self._quotas[namespace]
        pods = (body for (place, _), body in self._store.kind(PODS.plural).objects.items() if place == namespace)
        used = sum(body["status"].get("phase") not in _ENDED for body in pods)
        if used >= hard:
            raise refusals.exceeded_quota(PODS, name, quota, used, hard)

    def _carry_out(self, resource: Resource, before: Body, deletion: Deletion) -> Body:
        last = before
        if deletion.marked is not None:
            last = self._store.commit(MODIFIED, resource.plural, deletion.marked, before)
        if not deletion.removed:
            return last
        last = self._store.commit(DELETED, resource.plural, last, last)
        if resource.plural in (PODS.plural, SERVICES.plural):
            return last
        metadata = before["metadata"]
        details = {"name": metadata["name"], "kind": resource.plural, "uid": metadata["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _check_delete(resource: Resource, before: Body, uid: str, version: str) -> None:
    metadata = before["metadata"]
    if uid and uid != metadata["uid"]:
        raise refusals.wrong_uid(resource, metadata["name"], uid, metadata["uid"])
    if version and version != metadata["resourceVersion"]:
        raise refusals.wrong_version(resource, metadata["name"], version, metadata["resourceVersion"])
