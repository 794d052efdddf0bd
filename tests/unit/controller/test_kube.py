"""The client: what is sent, and what answers mean."""

import json
from typing import Any

import pytest

from tests.unit.controller.scripted import Answer, Script, answer, broken, refusal, scripted
from trainingjob.controller.kube import JOBS, PODS, KubeClient
from trainingjob.controller.kube_errors import (
    AlreadyExistsError,
    ConflictError,
    FencedError,
    GoneError,
    KubeError,
    NotFoundError,
    RefusedError,
    TransientError,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (refusal(400, "BadRequest"), RefusedError),
        (refusal(401, "Unauthorized"), TransientError),
        (refusal(403, "Forbidden"), RefusedError),
        (refusal(404, "NotFound"), NotFoundError),
        (refusal(409, "AlreadyExists"), AlreadyExistsError),
        (refusal(409, "Conflict"), ConflictError),
        (refusal(410, "Expired"), GoneError),
        (refusal(413), RefusedError),
        (refusal(422, "Invalid"), RefusedError),
        (refusal(429, "TooManyRequests"), TransientError),
        (refusal(500, "InternalError"), TransientError),
        (refusal(500, "InternalError", 'failed calling webhook "x": connection refused'), RefusedError),
        (refusal(503), TransientError),
        (answer("<html>bad gateway</html>", 502), TransientError),
        (answer("<html>hello</html>", 200), TransientError),
        (answer("[]", 200), TransientError),
        (broken, TransientError),
    ],
)
async def test_answer_becomes_the_error_that_says_what_to_do(given: Answer, expected: type[KubeError]) -> None:
    script = Script()
    # An idempotent request on a kept connection is sent once more by the HTTP library.
    script.then(given, given)
    async with scripted(script) as client:
        with pytest.raises(KubeError) as caught:
            await client.get(PODS, "team", "a")
    assert type(caught.value) is expected


async def test_server_that_asks_for_patience_is_heard() -> None:
    script = Script()
    script.then(refusal(429, headers={"Retry-After": "7"}))
    async with scripted(script) as client:
        with pytest.raises(TransientError) as caught:
            await client.get(PODS, "team", "a")
    assert caught.value.retry_after == 7


async def test_message_keeps_digests_and_leaves_out_what_may_be_a_key() -> None:
    digest = f"registry.example.com/mnist@sha256:{'0a' * 32}"
    script = Script()
    script.then(refusal(403, "Forbidden", f"{digest} with {{key: {'Zm9v' * 20}==}} is not allowed"))
    async with scripted(script) as client:
        with pytest.raises(RefusedError) as caught:
            await client.create(PODS, "team", {"metadata": {"name": "a"}})
    assert str(caught.value) == f"{digest} with {{key: …}} is not allowed"


async def test_long_message_is_cut() -> None:
    script = Script()
    script.then(refusal(422, "Invalid", "no. " * 100_000))
    async with scripted(script) as client:
        with pytest.raises(RefusedError) as caught:
            await client.create(PODS, "team", {"metadata": {"name": "a"}})
    assert len(str(caught.value)) == 1000


async def test_slow_answer_is_given_up() -> None:
    async with scripted(Script()) as client:
        with pytest.raises(TransientError):
            await client.get(PODS, "team", "a", timeout=0.05)


async def test_create_is_sent_once_even_when_its_answer_is_lost() -> None:
    script = Script()
    script.then(broken, answer({}))
    async with scripted(script) as client:
        with pytest.raises(TransientError):
            await client.create(PODS, "team", {"metadata": {"name": "a"}})
    assert len(script.requests) == 1


async def test_delete_names_the_uid_that_it_means() -> None:
    script = Script()
    script.then(answer({"kind": "Pod"}))
    async with scripted(script) as client:
        await client.delete(PODS, "team", "a", "the-uid", 30)
    assert script.requests[0].path == "/api/v1/namespaces/team/pods/a"
    body = json.loads(script.bodies[0])
    assert (body["preconditions"], body["gracePeriodSeconds"]) == ({"uid": "the-uid"}, 30)


async def test_delete_of_a_version_names_that_too() -> None:
    script = Script()
    script.then(answer({"kind": "Status"}))
    async with scripted(script) as client:
        await client.delete(JOBS, "team", "mnist", "the-uid", 0, "1234")
    body = json.loads(script.bodies[0])
    assert script.requests[0].path == "/apis/trainingjob.dev/v1/namespaces/team/trainingjobs/mnist"
    assert body["preconditions"] == {"uid": "the-uid", "resourceVersion": "1234"}
    assert body["propagationPolicy"] == "Background"


async def test_status_is_merged_into_its_subresource() -> None:
    script = Script()
    script.then(answer({}))
    async with scripted(script) as client:
        await client.patch(JOBS, "team", "mnist", {"status": {"phase": None}}, subresource="status")
    request = script.requests[0]
    assert request.path == "/apis/trainingjob.dev/v1/namespaces/team/trainingjobs/mnist/status"
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    assert json.loads(script.bodies[0]) == {"status": {"phase": None}}


async def test_requests_say_who_asks() -> None:
    script = Script()
    script.then(answer({"items": []}))
    async with scripted(script) as client:
        await client.list(PODS, "")
    assert script.requests[0].headers["User-Agent"].startswith("trainingjob-operator/")
    assert script.requests[0].path == "/api/v1/pods"


async def test_requests_are_counted_by_verb_resource_and_code() -> None:
    script = Script()
    script.then(answer({}), refusal(409, "AlreadyExists"), broken)
    async with scripted(script) as client:
        for _ in range(3):
            try:
                await client.create(PODS, "team", {"metadata": {"name": "a"}})
            except KubeError:
                continue
    assert script.counted == [("create", "pods", "200"), ("create", "pods", "409"), ("create", "pods", "none")]


async def test_token_is_read_for_every_request() -> None:
    tokens = iter(["Bearer old", "Bearer new"])

    def refresh(configuration: Any) -> None:
        configuration.api_key["BearerToken"] = next(tokens)

    script = Script()
    script.then(answer({}), answer({}))
    async with scripted(script, refresh_api_key_hook=refresh) as client:
        await client.get(PODS, "team", "a")
        await client.get(PODS, "team", "a")
    assert [request.headers["Authorization"] for request in script.requests] == ["Bearer old", "Bearer new"]


async def test_nothing_is_written_without_the_lease() -> None:
    script = Script()
    script.then(answer({}))
    async with scripted(script) as client:
        fenced = KubeClient(client._connection, script.count, may_write=lambda: 0)
        for write in (
            fenced.create(PODS, "team", {}),
            fenced.delete(PODS, "team", "a", "u", 0),
            fenced.patch(PODS, "team", "a", {}),
        ):
            with pytest.raises(FencedError):
                await write
        assert script.requests == []
        await fenced.get(PODS, "team", "a")
    assert len(script.requests) == 1


async def test_no_write_outlives_the_lease() -> None:
    async with scripted(Script()) as client:
        almost_over = KubeClient(client._connection, lambda *_: None, may_write=lambda: 0.05)
        with pytest.raises(TransientError):
            await almost_over.create(PODS, "team", {"metadata": {"name": "a"}})
