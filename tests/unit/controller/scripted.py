"""A small HTTP server on the loopback interface that plays an API server by script."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from trainingjob.controller.connection import Connection
from trainingjob.controller.kube import KubeClient

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Script:
    """Answers in their order; `requests` keeps what was asked. When the answers run out, requests wait for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.counted: list[tuple[str, str, str]] = []

    def then(self, *answers: Answer) -> None:
        """Add answers."""
        self.answers += answers

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.requests.append(request)
        self.bodies.append(await request.read())
        if self.answers:
            return await self.answers.pop(0)(request)
        await asyncio.Event().wait()
        raise web.HTTPGone

    def count(self, verb: str, resource: str, code: str) -> None:
        """Take a request's end, as the metrics do."""
        self.counted.append((verb, resource, code))


@asynccontextmanager
async def scripted(script: Script, **configured: Any) -> AsyncIterator[KubeClient]:
    """Yield a client of a server that follows the script."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.serve)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    configuration = Configuration(host=str(server.make_url("")).rstrip("/"))
    for name, value in configured.items():
        setattr(configuration, name, value)
    connection = Connection(configuration, "default", None)
    try:
        yield KubeClient(connection, script.count)
    finally:
        await connection.close()
        await server.close()


def answer(body: Mapping[str, Any] | str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with this body."""
    text = body if isinstance(body, str) else json.dumps(body)

    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")

    return send


def refusal(status: int, reason: str = "", message: str = "no", headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a Status object."""
    return answer({"kind": "Status", "code": status, "reason": reason, "message": message}, status, headers)


def listing(*items: Mapping[str, Any], version: int, token: str = "") -> Answer:
    """Return a page of a list."""
    return answer({"kind": "List", "metadata": {"resourceVersion": str(version), "continue": token}, "items": items})


def stream(*events: Mapping[str, Any] | str, then: str = "end") -> Answer:
    """Return a watch that sends events (texts as they are) and then ends, breaks or stays `open` in silence."""

    async def send(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event) + "\n"
            await response.write(text.encode())
        if then == "open":
            await asyncio.Event().wait()
        if then == "break":
            assert request.transport is not None
            request.transport.abort()
        return response

    return send


async def broken(request: web.Request) -> web.StreamResponse:
    """Answer nothing and break the connection, as a lost response does."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
