"""What an identity may do by the roles of a rendered chart, and what it did by the API server's audit log."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Right = tuple[str, str, str]
"""API group (empty for the core), resource with its subresource (`pods/status`), verb."""

_FORBIDDEN = 403


def allowed(rendered: Iterable[Mapping[str, Any]]) -> set[Right]:
    """Return the rights that the rendered bindings give to the service account of the rendered Deployment."""
    objects = list(rendered)
    account = _operator_account(objects)
    roles = {(_kind(role), _namespace(role), _name(role)): role for role in objects if _kind(role).endswith("Role")}
    rights: set[Right] = set()
    for binding in objects:
        if not _kind(binding).endswith("RoleBinding") or account not in _subjects(binding):
            continue
        reference = binding["roleRef"]
        namespace = _namespace(binding) if reference["kind"] == "Role" else ""
        for rule in roles[reference["kind"], namespace, reference["name"]]["rules"]:
            rights.update(
                (group, resource, verb)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
            )
    return rights


def used(audit_log: Path, user: str) -> set[Right]:
    """Return the rights that `user` asked the API server for, granted or not; `user` is the name it saw."""
    return {_right(entry) for entry in _entries(audit_log, user)}


def refused(audit_log: Path, user: str) -> set[Right]:
    """Return the rights that authorization denied to `user`; a refusal by admission is none of them."""
    return {
        _right(entry)
        for entry in _entries(audit_log, user)
        if entry.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
        and entry.get("responseStatus", {}).get("code") == _FORBIDDEN
    }


def account_user(namespace: str, name: str) -> str:
    """Return the user name under which the API server knows a service account."""
    return f"system:serviceaccount:{namespace}:{name}"


def _entries(audit_log: Path, user: str) -> Iterator[dict[str, Any]]:
    with audit_log.open() as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["user"]["username"] == user and "objectRef" in entry:
                yield entry


def _right(entry: Mapping[str, Any]) -> Right:
    reference = entry["objectRef"]
    resource = "/".join(part for part in (reference["resource"], reference.get("subresource", "")) if part)
    return reference.get("apiGroup", ""), resource, entry["verb"]


def _operator_account(objects: list[Mapping[str, Any]]) -> tuple[str, str]:
    (deployment,) = (found for found in objects if _kind(found) == "Deployment")
    return _namespace(deployment), deployment["spec"]["template"]["spec"]["serviceAccountName"]


def _subjects(binding: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (subject["namespace"], subject["name"])
        for subject in binding["subjects"]
        if subject["kind"] == "ServiceAccount"
    }


def _kind(found: Mapping[str, Any]) -> str:
    return str(found["kind"])


def _name(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["name"])


def _namespace(found: Mapping[str, Any]) -> str:
    return str(found["metadata"].get("namespace", ""))
