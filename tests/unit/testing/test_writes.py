"""Writes as a proxy sees them, and the order of several watches."""

from typing import Any

import pytest

from trainingjob.testing import Merge, Write

NAMESPACE = "/api/v1/namespaces/team"
JOBS = "/apis/trainingjob.dev/v1/namespaces/team/trainingjobs"


def test_delete_is_read_with_what_it_means() -> None:
    body = {"gracePeriodSeconds": 30, "preconditions": {"uid": "u", "resourceVersion": "7"}}
    answer = {"metadata": {"resourceVersion": "12"}}
    write = Write.of_http("DELETE", f"{NAMESPACE}/pods/mnist-worker-0", body, 200, answer)
    expected = Write(
        "delete", "pods", "team", "mnist-worker-0", uid="u", precondition="7", grace_seconds=30, status=200, at=12
    )
    assert write == expected


def test_create_has_the_name_of_its_body() -> None:
    body = {"metadata": {"name": "mnist"}}
    write = Write.of_http("POST", f"{NAMESPACE}/services?fieldManager=x", body, 409, {"kind": "Status", "metadata": {}})
    assert write == Write("create", "services", "team", "mnist", body=body, status=409)


def test_patch_of_a_status_is_told_from_one_of_the_job() -> None:
    write = Write.of_http("PATCH", f"{JOBS}/mnist/status", {"status": {}}, 0)
    assert write == Write("patch", "trainingjobs", "team", "mnist", "status", {"status": {}})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{NAMESPACE}/pods/a"),
        ("POST", f"{NAMESPACE}/events"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/team/leases/operator"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
def test_other_requests_are_nothing_to_judge(method: str, path: str) -> None:
    assert Write.of_http(method, path, {}, 200) is None


def event(kind: str, version: int) -> dict[str, Any]:
    """Return an event of a watch."""
    return {"type": kind, "object": {"metadata": {"resourceVersion": str(version)}}}


def versions(found: Any) -> list[int]:
    """Return the resource versions of merged changes."""
    return [int(body["metadata"]["resourceVersion"]) for _, _, body in found]


def test_changes_of_two_watches_come_in_the_order_of_their_versions() -> None:
    merge = Merge(["pods", "services"])
    for version in (3, 7, 9):
        merge.add("pods", event("ADDED", version))
    assert versions(merge.ready()) == []
    merge.add("services", event("ADDED", 5))
    assert versions(merge.ready()) == [3, 5]
    merge.add("services", event("BOOKMARK", 8))
    assert versions(merge.ready()) == [7]
    assert versions(merge.rest()) == [9]


def test_watch_that_has_lost_its_place_is_an_error() -> None:
    merge = Merge(["pods"])
    with pytest.raises(ValueError, match="too old"):
        merge.add("pods", {"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}})
