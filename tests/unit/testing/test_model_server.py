"""The model of the API server by itself; that it is like a real one is shown beside a real one."""

import copy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tests.support.builders import CREATED
from trainingjob.controller.kube import CONFIG_MAPS, JOBS, PODS
from trainingjob.controller.kube_errors import (
    AlreadyExistsError,
    ConflictError,
    GoneError,
    KubeError,
    NotFoundError,
    RefusedError,
    TransientError,
    error_of,
)
from trainingjob.testing import Body, ModelClient, ModelServer, Perform, Request

HOME = "team"
Step = Callable[[ModelServer], object]


def new_server() -> ModelServer:
    """Return an empty server on which time stands still."""
    return ModelServer(lambda: CREATED)


def pod(name: str = "a", owner: str = "", labels: dict[str, str] | None = None, **spec: object) -> Body:
    """Return a pod to be created."""
    owners = [{"kind": "TrainingJob", "name": "mnist", "uid": owner, "controller": True}] if owner else []
    return {"metadata": {"name": name, "labels": labels or {}, "ownerReferences": owners}, "spec": dict(spec)}


def job(name: str = "mnist", **spec: object) -> Body:
    """Return a job to be created."""
    return {"metadata": {"name": name}, "spec": {"image": "registry.example.com/mnist:1.0", **spec}}


def changes(server: ModelServer) -> list[tuple[str, str]]:
    """Return kind and resource of every change."""
    return [(change.kind, change.resource) for change in server.changes]


def test_same_version_is_the_same_object() -> None:
    server = new_server()
    created = server.create(PODS, HOME, pod())
    assert server.get(PODS, HOME, "a") is created is server.changes[0].body is server.list(PODS)["items"][0]


def test_change_leaves_earlier_versions_as_they_were() -> None:
    server = new_server()
    server.create(PODS, HOME, pod(labels={"team": "a"}))
    before = copy.deepcopy(server.changes[0].body)
    server.patch(PODS, HOME, "a", {"metadata": {"labels": {"team": "b"}}})
    server.patch(PODS, HOME, "a", {"status": {"phase": "Running"}}, subresource="status")
    server.delete(PODS, HOME, "a")
    assert server.changes[0].body == before


def test_patch_that_changes_nothing_makes_no_version() -> None:
    server = new_server()
    created = server.create(PODS, HOME, pod(labels={"team": "a"}))
    assert server.patch(PODS, HOME, "a", {"metadata": {"labels": {"team": "a"}}}) is created
    assert server.version == 1


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (lambda server: server.create(PODS, HOME, pod()), AlreadyExistsError),
        (lambda server: server.get(PODS, HOME, "b"), NotFoundError),
        (lambda server: server.delete(PODS, HOME, "a", uid="another"), ConflictError),
        (lambda server: server.delete(PODS, HOME, "a", version="77"), ConflictError),
        (lambda server: server.patch(PODS, HOME, "a", {"metadata": {"resourceVersion": "77"}}), ConflictError),
        (lambda server: server.patch(PODS, HOME, "a", {"metadata": {"uid": "another"}}), RefusedError),
        (lambda server: server.patch(JOBS, HOME, "mnist", {"spec": {"image": "another"}}), RefusedError),
        (lambda server: server.patch(JOBS, HOME, "mnist", {"spec": {"nodeSelector": {"a": "b"}}}), RefusedError),
        (lambda server: server.patch(JOBS, HOME, "mnist", {"spec": {"torch": {}}}), RefusedError),
    ],
)
def test_request_that_the_api_server_refuses_is_refused_and_changes_nothing(step: Step, error: type[KubeError]) -> None:
    server = new_server()
    server.create(PODS, HOME, pod())
    server.create(JOBS, HOME, job())
    with pytest.raises(error):
        step(server)
    assert server.version == 2


def test_job_gets_its_defaults_and_its_generation_follows_its_spec() -> None:
    server = new_server()
    created = server.create(JOBS, HOME, {**job(torch={"nodes": 2}), "status": {"phase": "Running"}})
    assert (created["spec"]["maxRestarts"], created["status"]) == (3, {"observedGeneration": -1})
    server.patch(
        JOBS, HOME, "mnist", {"status": {"phase": "Running"}, "spec": {"maxRestarts": 9}}, subresource="status"
    )
    server.patch(JOBS, HOME, "mnist", {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}})
    changed = server.patch(JOBS, HOME, "mnist", {"spec": {"suspend": True}})
    assert (changed["metadata"]["generation"], changed["status"]["phase"], changed["spec"]["maxRestarts"]) == (
        2,
        "Running",
        3,
    )


def test_suspended_job_may_be_moved_only_once_its_status_says_so() -> None:
    server = new_server()
    server.create(JOBS, HOME, job(multiWorker={}, suspend=True))
    move = {"spec": {"nodeSelector": {"zone": "a"}, "multiWorker": {"workers": 4}}}
    with pytest.raises(RefusedError, match="multiWorker"):
        server.patch(JOBS, HOME, "mnist", move)
    server.patch(JOBS, HOME, "mnist", {"status": {"phase": "Suspended"}}, subresource="status")
    assert server.patch(JOBS, HOME, "mnist", move)["spec"]["multiWorker"]["workers"] == 4


@pytest.mark.parametrize(
    ("bound", "phase", "grace", "seen"),
    [
        (False, "Pending", 30, ["ADDED", "MODIFIED", "DELETED"]),
        (True, "Running", 30, ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED"]),
        (True, "Running", 0, ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]),
        (True, "Running", None, ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED"]),
        (True, "Succeeded", 30, ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]),
    ],
)
def test_pod_that_runs_on_a_node_stays_for_its_grace_period(
    bound: bool, phase: str, grace: int | None, seen: list[str]
) -> None:
    server = new_server()
    server.create(PODS, HOME, pod(terminationGracePeriodSeconds=5))
    if bound:
        server.bind(HOME, "a", "node-1")
        server.patch(PODS, HOME, "a", {"status": {"phase": phase}}, subresource="status")
    server.delete(PODS, HOME, "a", grace_seconds=grace)
    assert [change.kind for change in server.changes] == seen


def test_garbage_waits_for_its_collector() -> None:
    server = new_server()
    owner = server.create(JOBS, HOME, job())["metadata"]["uid"]
    server.create(PODS, HOME, pod("a", owner))
    server.create(PODS, HOME, pod("b", owner))
    assert server.garbage() == ()
    server.delete(JOBS, HOME, "mnist")
    server.create(JOBS, HOME, job())
    assert [item.key for item in server.garbage()] == [(HOME, "a"), (HOME, "b")]
    server.collect(server.garbage()[0])
    assert [item.key for item in server.garbage()] == [(HOME, "b")]


def test_collector_that_comes_late_spares_the_successor_of_the_name() -> None:
    server = new_server()
    server.create(PODS, HOME, pod("a", "nobody"))
    late = server.garbage()[0]
    server.delete(PODS, HOME, "a")
    successor = server.create(PODS, HOME, pod("a"))
    server.collect(late)
    assert server.find(PODS, HOME, "a") is successor


def test_watch_with_a_selector_sees_objects_come_and_go_with_their_label() -> None:
    server = new_server()
    watch = server.watch(PODS, HOME, selector="team=a", version=0)
    server.create(PODS, HOME, pod())
    server.patch(PODS, HOME, "a", {"metadata": {"labels": {"team": "a"}}})
    server.patch(PODS, HOME, "a", {"status": {"phase": "Running"}}, subresource="status")
    server.patch(PODS, HOME, "a", {"metadata": {"labels": {"team": "b"}}})
    server.delete(PODS, HOME, "a")
    events = [watch.take(), watch.take(), watch.take()]
    assert [event and event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    last = events[2]["object"]["metadata"] if events[2] else {}
    assert (last["labels"], last["resourceVersion"]) == ({"team": "a"}, "4")
    assert (watch.take(), watch.version) == (None, 4)


def test_watch_goes_on_where_another_has_ended() -> None:
    server = new_server()
    for name in "abc":
        server.create(PODS, HOME, pod(name))
    first = server.watch(PODS, version=0)
    first.take()
    second = server.watch(PODS, version=first.version)
    event = second.take()
    assert event is not None
    assert event["object"]["metadata"]["name"] == "b"


def test_watch_of_what_is_forgotten_ends_with_an_error() -> None:
    server = new_server()
    server.create(PODS, HOME, pod())
    idle = server.watch(PODS, version=server.version)
    behind = server.watch(PODS, version=0)
    server.compact()
    event = behind.take()
    assert event is not None
    assert (event["type"], event["object"]["code"], idle.waiting()) == ("ERROR", 410, False)
    assert isinstance(error_of(410, event["object"], {}), GoneError)


def test_bookmark_comes_after_everything_before_it() -> None:
    server = new_server()
    watch = server.watch(PODS, version=0)
    server.create(PODS, HOME, pod())
    with pytest.raises(ValueError, match="not taken"):
        watch.bookmark()
    watch.take()
    server.create(CONFIG_MAPS, HOME, pod())
    assert watch.bookmark()["object"]["metadata"]["resourceVersion"] == "2"


def test_quota_counts_pods_that_have_not_ended() -> None:
    server = new_server()
    server.set_pod_quota(HOME, 1)
    server.create(PODS, HOME, pod())
    with pytest.raises(RefusedError, match="exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1"):
        server.create(PODS, HOME, pod("b"))
    server.patch(PODS, HOME, "a", {"status": {"phase": "Succeeded"}}, subresource="status")
    server.create(PODS, HOME, pod("b"))


async def test_every_request_of_the_client_travels_once() -> None:
    server, seen = new_server(), []

    async def travel(request: Request, perform: Perform) -> Body:
        seen.append((request.verb, request.resource.plural, request.name, request.subresource, request.writes))
        return perform()

    client = ModelClient(server, travel)
    uid = (await client.create(PODS, HOME, pod()))["metadata"]["uid"]
    await client.get(PODS, HOME, "a")
    await client.patch(PODS, HOME, "a", {"status": {"phase": "Running"}}, subresource="status")
    await client.list(PODS, HOME)
    await client.delete(PODS, HOME, "a", uid, 30)
    assert seen == [
        ("create", "pods", "a", "", True),
        ("get", "pods", "a", "", False),
        ("patch", "pods", "a", "status", True),
        ("list", "pods", "", "", False),
        ("delete", "pods", "a", "", True),
    ]


async def lost_on_the_way(_: Request, __: Perform) -> Body:
    """Lose a request."""
    raise TransientError("lost")


async def lost_on_the_way_back(_: Request, perform: Perform) -> Body:
    """Lose an answer."""
    perform()
    raise TransientError("lost")


@pytest.mark.parametrize(("travel", "stored"), [(lost_on_the_way, 0), (lost_on_the_way_back, 1)])
async def test_request_may_be_lost_before_or_after_it_is_carried_out(
    travel: Callable[[Request, Perform], Awaitable[Body]], stored: int
) -> None:
    server = ModelServer(lambda: datetime(2026, 1, 31, tzinfo=UTC))
    with pytest.raises(TransientError):
        await ModelClient(server, travel).create(PODS, HOME, pod())
    assert len(list(server.objects(PODS))) == stored


def test_changes_are_all_told_in_their_order() -> None:
    server = new_server()
    server.create(JOBS, HOME, job())
    server.create(PODS, HOME, pod())
    server.delete(PODS, HOME, "a")
    server.delete(JOBS, HOME, "mnist")
    jobs, pods = "trainingjobs", "pods"
    expected = [("ADDED", jobs), ("ADDED", pods), ("MODIFIED", pods), ("DELETED", pods), ("DELETED", jobs)]
    assert changes(server) == expected
    assert [change.version for change in server.changes] == [1, 2, 3, 4, 5]


def test_first_patch_of_a_job_writes_the_default_of_its_status_and_the_second_nothing() -> None:
    server = new_server()
    server.create(JOBS, HOME, job())
    for _ in range(2):
        server.patch(JOBS, HOME, "mnist", {"spec": {"suspend": False}})
    assert [change.kind for change in server.changes] == ["ADDED", "MODIFIED"]
