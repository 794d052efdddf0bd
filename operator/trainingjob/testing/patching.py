"""What a patch makes of an object: its preconditions, and which part of the object it may reach."""

from trainingjob.controller.kube import JOBS, Resource
from trainingjob.testing import admission, refusals
from trainingjob.testing.objects import Body, merged, tidied


def patched(resource: Resource, before: Body, patch: Body, subresource: str) -> Body:
    """Return an object after a merge patch, with another version still to come; `before` itself when nothing changes.

    Raises:
        ConflictError: when the patch means another version.
        RefusedError: when it means another object, or changes what it may not.
    """
    _check_preconditions(resource, before, patch.get("metadata") or {}, subresource)
    after = merged(before, patch)
    if after is before:
        return before
    if after["metadata"] is not before["metadata"]:
        after = tidied(after)
        _check_finalizers(resource, before["metadata"], after["metadata"])
    after = _admitted(resource, before, after, subresource)
    return before if after == before else after


def _check_preconditions(resource: Resource, before: Body, meant: Body, subresource: str) -> None:
    metadata = before["metadata"]
    if (version := meant.get("resourceVersion")) and version != metadata["resourceVersion"]:
        raise refusals.modified_meanwhile(resource, metadata["name"])
    if subresource and resource.plural == JOBS.plural:
        # A write to the status of a custom resource carries no metadata, so nobody looks at the uid.
        return
    if (uid := meant.get("uid")) and uid != metadata["uid"]:
        why = f'metadata.uid: Invalid value: "{uid}": field is immutable'
        raise refusals.invalid(resource, metadata["name"], why)


def _check_finalizers(resource: Resource, before: Body, after: Body) -> None:
    if "deletionTimestamp" not in before:
        return
    if new := set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()):
        why = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"
        raise refusals.invalid(resource, before["name"], f"{why}, found new finalizers {sorted(new)}")


def _admitted(resource: Resource, before: Body, after: Body, subresource: str) -> Body:
    """Return what is stored of a changed object: each of the two ways to it reaches only its own part."""
    if subresource == "status":
        if resource.plural == JOBS.plural:
            return admission.admit_status(before, after)
        if after["metadata"] is before["metadata"] and after["spec"] is before["spec"]:
            return after
        owners = {"ownerReferences": found} if (found := before["metadata"].get("ownerReferences")) else {}
        metadata = {name: value for name, value in after["metadata"].items() if name != "ownerReferences"}
        return {**after, "spec": before["spec"], "metadata": {**metadata, **owners}}
    if resource.plural == JOBS.plural:
        return admission.admit_change(before, after)
    return {**after, "status": before["status"]} if "status" in before else after
