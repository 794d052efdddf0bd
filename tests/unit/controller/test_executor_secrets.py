"""Secrets of SSH keys: made when they are sent, and seen by nobody afterwards."""

import json
import logging
from base64 import b64decode

import pytest
from aiohttp import web

from tests.unit.controller.hands import JOB, Hands, create, create_secret
from tests.unit.controller.scripted import Answer, Script, refusal, scripted
from trainingjob.controller.executor import Executor
from trainingjob.controller.kube import SECRETS
from trainingjob.controller.kube_errors import RefusedError
from trainingjob.reconcile import RefusalKind

ITEMS = {"client_key", "authorized_keys", "host_key", "known_hosts"}
QUOTA = RefusedError('secrets "x" is forbidden: exceeded quota: keys, used: secrets=1, limited: secrets=1', status=403)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def keys_in(data: dict[str, str]) -> list[str]:
    """Return what betrays the private keys: pieces of them as they are sent, and the lines of their files."""
    private = [data["client_key"], data["host_key"]]
    pieces = [key[start : start + 40] for key in private for start in range(0, len(key) - 40, 40)]
    lines = [line for key in private for line in b64decode(key).decode().splitlines() if "-----" not in line]
    return [*pieces, *lines]


async def test_secret_gets_its_keys_on_the_way_and_is_remembered_without(hands: Hands) -> None:
    asked = create_secret()
    outcome = await hands.run(asked)
    stored = hands.kube.stored(SECRETS, "team", asked.name)
    assert stored is not None
    assert stored["data"].keys() == ITEMS
    assert (stored["immutable"], stored["type"]) == (True, "Opaque")
    assert outcome.created == [asked]
    assert "data" not in asked.manifest
    assert not [key for key in keys_in(stored["data"]) if key in repr((outcome, hands.executor, asked))]


async def test_secret_is_created_after_the_config_maps_and_before_the_pods(hands: Hands) -> None:
    await hands.run(
        create("mnist-worker-0"), create("mnist", "Service"), create("mnist-x", "ConfigMap"), create_secret()
    )
    assert hands.kube.requests == [
        "create services/mnist",
        "create configmaps/mnist-x",
        "create secrets/mnist-11111111-a0",
        "create pods/mnist-worker-0",
    ]


async def test_secret_that_exists_is_the_jobs_own_and_is_neither_read_nor_changed(hands: Hands) -> None:
    await hands.run(create_secret())
    before = hands.kube.stored(SECRETS, "team", "mnist-11111111-a0")
    outcome = await hands.run(create_secret(), create("mnist-worker-0"))
    assert (outcome.refused, outcome.trouble) == ([], None)
    assert [created.kind for created in outcome.created] == ["Pod"]
    assert hands.kube.stored(SECRETS, "team", "mnist-11111111-a0") == before
    assert not [request for request in hands.kube.requests if not request.startswith("create ")]


async def test_no_pod_is_created_when_its_secret_was_refused(hands: Hands) -> None:
    hands.refuse("create", QUOTA, "mnist-11111111-a0")
    outcome = await hands.run(create_secret(), create("mnist-worker-0"))
    assert [(r.kind, r.why, r.message) for r in outcome.refused] == [("Secret", RefusalKind.QUOTA, str(QUOTA))]
    assert hands.kube.writes() == ["create secrets/mnist-11111111-a0"]
    assert outcome.untried


def quoting(status: int, reason: str) -> Answer:
    """Refuse as a careless webhook does, which quotes what it was sent."""

    async def send(request: web.Request) -> web.StreamResponse:
        quoted = json.dumps(await request.json())
        return await refusal(status, reason, f"the webhook denied {quoted}")(request)

    return send


@pytest.mark.parametrize(("status", "reason"), [(403, "Forbidden"), (422, "Invalid"), (503, ""), (409, "Conflict")])
async def test_error_that_quotes_the_secret_is_told_without_the_keys(
    hands: Hands, caplog: pytest.LogCaptureFixture, status: int, reason: str
) -> None:
    script = Script()
    script.then(quoting(status, reason))
    with caplog.at_level(logging.DEBUG):
        async with scripted(script) as client:
            outcome = await Executor(client, hands.pods, hands.services, 4).run(JOB, [create_secret()])
    (told,) = [refused.message for refused in outcome.refused] or [str(outcome.trouble)]
    assert told.startswith("the webhook denied")
    assert '"client_key": "…"' in told
    (sent,) = (json.loads(body)["data"] for body in script.bodies)
    assert not [key for key in keys_in(sent) if key in told + caplog.text + repr(outcome)]
