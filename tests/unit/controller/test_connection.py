"""How the API server is found, and how credentials stay fresh."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from trainingjob.controller import connection
from trainingjob.controller.connection import NoConnectionError, connect


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def write_kubeconfig(path: Path, server: str = "https://example.com:6443/", **user: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(content))
    return str(path)


async def test_given_kubeconfig_is_used(tmp_path: Path) -> None:
    found = await connect(write_kubeconfig(tmp_path / "config"))
    assert (found.server, found.namespace) == ("https://example.com:6443", "team")
    await found.close()


async def test_without_one_the_usual_places_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kubeconfig(tmp_path / ".kube" / "config", "https://home.example.com")
    found = await connect("")
    assert found.server == "https://home.example.com"
    await found.close()
    monkeypatch.setenv("KUBECONFIG", write_kubeconfig(tmp_path / "other", "https://other.example.com"))
    found = await connect("")
    assert found.server == "https://other.example.com"
    await found.close()


@pytest.mark.parametrize("content", ["", "]", "{}", '{"current-context": "x"}'])
async def test_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(NoConnectionError, match=str(path)):
        await connect(str(path))


async def test_kubeconfig_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoConnectionError, match="nowhere"):
        await connect(str(tmp_path / "nowhere"))


async def test_pod_without_its_service_account_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(NoConnectionError, match="service account"):
        await connect("")


async def test_token_file_of_a_kubeconfig_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    found = await connect(write_kubeconfig(tmp_path / "config", tokenFile=str(token)))
    assert await found.authorization() == "Bearer first"
    token.write_text("second")
    await found.renew()
    assert await found.authorization() == "Bearer second"
    token.write_text("third")
    monkeypatch.setattr(connection, "_RELOAD_SECONDS", -1.0)
    assert await found.authorization() == "Bearer third"
    await found.close()


async def test_session_for_kopf_sends_the_token_of_the_moment_and_renews_it_when_refused(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("stale")
    seen = []

    async def serve(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], request.headers["User-Agent"]))
        return web.Response(status=401 if len(seen) == 1 else 200)

    app = web.Application()
    app.router.add_get("/", serve)
    async with TestServer(app) as server:
        address = str(server.make_url("/"))
        found = await connect(write_kubeconfig(tmp_path / "config", address, tokenFile=str(token)))
        token.write_text("fresh")
        session = found.session([])
        for _ in range(2):
            async with session.get(address):
                pass
        await found.close()
    assert [authorization for authorization, _ in seen] == ["Bearer stale", "Bearer fresh"]
    assert seen[0][1].startswith("trainingjob-operator/")


async def test_proxy_of_the_environment_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    found = await connect(write_kubeconfig(tmp_path / "config"))
    assert found.client.configuration.proxy == "http://proxy.example.com:3128"
    assert found.client.configuration.client_session_kwargs == {"trust_env": False}
    await found.close()
    monkeypatch.setenv("no_proxy", "example.com")
    found = await connect(write_kubeconfig(tmp_path / "config"))
    assert found.client.configuration.proxy is None
    await found.close()
