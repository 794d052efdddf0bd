"""The operator's requests to write, as the judge takes them from a simulator or from a proxy."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from trainingjob.testing.client import Request

CHILDREN = frozenset({"pods", "services", "configmaps", "secrets", "deployments"})
JUDGED = CHILDREN | {"trainingjobs"}
"""What is judged; Events and Leases are not."""
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_NOTHING: Mapping[str, Any] = {}


class Write(NamedTuple):
    """One request to write, as it was sent and answered."""

    verb: str
    """create, patch, update or delete."""
    resource: str
    """The plural."""
    namespace: str
    name: str
    subresource: str = ""
    body: Mapping[str, Any] | None = None
    """What a create, patch or update carries."""
    uid: str = ""
    """The uid that a delete means."""
    precondition: str = ""
    """The resource version that a delete means."""
    grace_seconds: int | None = None
    status: int = 0
    """The HTTP status that the server itself gave, be the answer lost on its way or not; 0 when it was not reached."""
    at: int = 0
    """The resource version in the answer; 0 when it had none."""
    basis: int = 0
    """The resource version of the job that the operator has decided from; 0 when nobody knows."""
    job: str = ""
    """The uid of the job that the operator was at work on; empty when nobody knows."""

    @property
    def done(self) -> bool:
        """Say whether the server has carried it out."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name}"

    @classmethod
    def of(cls, request: Request, status: int, at: int = 0, basis: int = 0, job: str = "") -> "Write":
        """Return what a request to a model was; the other arguments are the fields of these names."""
        return cls(
            request.verb,
            request.resource.plural,
            request.namespace,
            request.name,
            request.subresource,
            request.body,
            request.uid,
            request.version,
            request.grace_seconds,
            status,
            at,
            basis,
            job,
        )

    @classmethod
    def of_http(
        cls,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        status: int,
        answer: Mapping[str, Any] | None = None,
    ) -> "Write | None":
        """Return what an HTTP request was; None when it is nothing to judge.

        Args:
            method: GET, POST, ….
            path: the path, without or with its query.
            body: what was sent; None for nothing.
            status: what the server answered; 0 when it was not reached.
            answer: the object in the server's answer.
        """
        parts = [unquote(part) for part in path.partition("?")[0].strip("/").split("/")]
        if method not in _VERBS or "namespaces" not in parts:
            return None
        place = [*parts[parts.index("namespaces") + 1 :], "", "", ""]
        namespace, resource, name, subresource = place[:4]
        if resource not in JUDGED:
            return None
        given = body or _NOTHING
        meant = given.get("preconditions") or _NOTHING
        version = ((answer or _NOTHING).get("metadata") or _NOTHING).get("resourceVersion") or "0"
        deletes = method == "DELETE"
        return cls(
            _VERBS[method],
            resource,
            namespace,
            name or (given.get("metadata") or _NOTHING).get("name", ""),
            subresource,
            None if deletes else body,
            meant.get("uid", ""),
            meant.get("resourceVersion", ""),
            given.get("gracePeriodSeconds") if deletes else None,
            status,
            int(version),
        )
