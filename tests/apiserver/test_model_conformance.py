"""The model of the API server against a real one: the same requests, the same answers, the same events."""

import os
from random import Random, SystemRandom

import pytest

from devtools.cluster import Cluster
from tests.support.both_servers import Answer, Body, ModelSide, Operation
from tests.support.random_operations import SELECTOR, bind, edits_of_jobs, random_operations
from tests.support.side_by_side import plain_create, stage_of
from tests.support.user import User
from trainingjob.controller.kube import CONFIG_MAPS, JOBS, PODS, Resource

pytestmark = pytest.mark.apiserver

SEED = "TRAININGJOB_MODEL_SEED"
"""A seed to play again; without it every run plays new ones beside those that are fixed."""
OPERATIONS = 150


async def conform(cluster: Cluster, user: User, seed: int) -> None:
    """Play the chain of a seed on both servers."""
    prefix = f"s{seed}"
    async with stage_of(cluster, user, prefix) as stage:
        try:
            await stage.play(list(random_operations(Random(seed), OPERATIONS, prefix)))
        except AssertionError as error:
            raise AssertionError(f"{SEED}={seed}\n{error}") from None


def seeds(count: int) -> list[int]:
    """Return the seed that was asked for, or new ones."""
    if asked := os.environ.get(SEED):
        return [int(asked)]
    return [SystemRandom().randrange(10**9) for _ in range(count)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_fixed_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User, seed: int) -> None:
    await conform(cluster, shared_user, seed)


async def test_new_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User) -> None:
    for seed in seeds(2):
        await conform(cluster, shared_user, seed)


@pytest.mark.long
async def test_many_new_chains_of_requests_are_answered_alike(cluster: Cluster, shared_user: User) -> None:
    for seed in seeds(60):
        await conform(cluster, shared_user, seed)


async def test_every_change_of_a_job_is_let_in_or_refused_alike(cluster: Cluster, user: User) -> None:
    async with stage_of(cluster, user, "e") as stage:
        await stage.play(list(edits_of_jobs("e")))
        assert {answer.status for answer in stage.answers} == {200, 201, 422}


async def test_quota_of_pods_refuses_and_lets_in_alike(cluster: Cluster, user: User) -> None:
    async with stage_of(cluster, user, "q") as stage:
        stage.model.server.set_pod_quota(user.namespace, 2, "few")
        quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}
        await stage.real.call("POST", Resource("api/v1", "resourcequotas").path(user.namespace), quota)
        await stage.wait_for_room("few", 0)
        for name in ("q-a", "q-b", "q-c", "q-a"):
            await stage.both(plain_create(PODS, name))
        assert [answer.status for answer in stage.answers] == [201, 201, 403, 403]
        await stage.both(Operation("status", PODS, "q-a", {"status": {"phase": "Succeeded"}}))
        await stage.wait_for_room("few", 1)
        assert (await stage.both(plain_create(PODS, "q-c"))).status == 201
        await stage.both(Operation("delete", PODS, "q-b"))
        await stage.wait_for_room("few", 1)
        assert (await stage.both(plain_create(PODS, "q-d"))).status == 201


async def test_children_of_a_deleted_job_are_collected_alike(cluster: Cluster, user: User) -> None:
    async with stage_of(cluster, user, "g") as stage:
        await stage.both(plain_create(JOBS, "g-job"))
        for resource, name in ((PODS, "g-bound"), (PODS, "g-loose"), (CONFIG_MAPS, "g-files")):
            await stage.both(plain_create(resource, name, owner="g-job"))
        await stage.both(bind("g-bound", "g"))
        await stage.both(Operation("delete", JOBS, "g-job", uid="last"))
        left = await stage.both(Operation("list", PODS))
        assert [(pod["name"], pod["deleting"]) for pod in _items(left)] == [("g-bound", True)]


async def test_pods_that_finalizers_hold_end_alike(cluster: Cluster, user: User) -> None:
    held: Body = {"metadata": {"finalizers": ["example.com/hold"]}}
    free: Body = {"metadata": {"finalizers": None, "labels": {"team": "b"}}}
    async with stage_of(cluster, user, "h") as stage:
        await stage.play(
            [
                plain_create(PODS, "h-a"),
                bind("h-a", "h"),
                Operation("patch", PODS, "h-a", held),
                Operation("delete", PODS, "h-a", grace=30),
                Operation("patch", PODS, "h-a", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}),
                Operation("delete", PODS, "h-a", grace=0),
                Operation("delete", PODS, "h-a", grace=0),
                Operation("patch", PODS, "h-a", free, version="last"),
                Operation("get", PODS, "h-a"),
            ]
        )
        assert [answer.status for answer in stage.answers[3:]] == [200, 422, 200, 200, 200, 404]


async def test_watch_from_long_ago_ends_alike(cluster: Cluster, user: User) -> None:
    async with stage_of(cluster, user, "w") as stage:
        await stage.both(plain_create(JOBS, "w-a"))
        stage.model.server.compact()
        model = stage.model.server.watch(JOBS, user.namespace, version=0).take()
        # The server remembers no change of a resource from before the resource was defined.
        real = await stage.real.first_event(JOBS, "1")
        assert [_error(event) for event in (model, real)] == [("ERROR", 410, "Expired", "Failure")] * 2


def _error(event: Body | None) -> tuple[object, ...]:
    """Return type, code, reason and status of an event."""
    found = (event or {}).get("object", {})
    return (event or {}).get("type"), found.get("code"), found.get("reason"), found.get("status")


async def test_lists_in_chunks_go_on_alike(cluster: Cluster, user: User) -> None:
    async with stage_of(cluster, user, "l") as stage:
        for index in range(5):
            await stage.both(plain_create(CONFIG_MAPS, f"l-{index}"))
        path, token = CONFIG_MAPS.path(user.namespace), ""
        pages: list[list[str]] = []
        query = {"limit": "2", "labelSelector": SELECTOR}
        while not pages or token:
            page = (await stage.real.call("GET", path, query={**query, **({"continue": token} if token else {})}))[1]
            token = page["metadata"].get("continue", "")
            pages.append([item["metadata"]["name"] for item in page["items"]])
        assert pages == _pages(stage.model, user.namespace) == [["l-0", "l-1"], ["l-2", "l-3"], ["l-4"]]


def _pages(model: ModelSide, namespace: str) -> list[list[str]]:
    """Return the names in each chunk of the model's list; what changes meanwhile does not show."""
    token = ""
    pages: list[list[str]] = []
    while not pages or token:
        page = model.server.list(CONFIG_MAPS, namespace, selector=SELECTOR, limit=2, token=token)
        token = page["metadata"].get("continue", "")
        pages.append([item["metadata"]["name"] for item in page["items"]])
        model.server.create(CONFIG_MAPS, namespace, {"metadata": {"name": f"later-{len(pages)}"}})
    return pages


def _items(answer: Answer) -> list[Body]:
    assert isinstance(answer.body, list)
    return answer.body
