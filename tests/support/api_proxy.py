"""Between an operator and its API server: counts what is written, and strikes at a chosen write."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.background import Background
from trainingjob.controller.connection import Connection, connect

_PASSED_ON = ("Accept", "Content-Type", "User-Agent")
_NOT_COUNTED = ("/leases", "/events")


@dataclass(frozen=True)
class Write:
    """A write that was answered."""

    method: str
    path: str
    status: int
    name: str
    """The name of the object that a create stands for; empty for other writes."""

    @property
    def created(self) -> str:
        """Return path and name of what was created; empty when nothing was."""
        return f"{self.path}/{self.name}" if self.method == "POST" and self.status == 201 else ""


class ApiProxy:
    """A reverse proxy in a thread of its own; use it as a context manager.

    `strike` is told the number of every write, from 1, once before it is passed on and once after it was answered by
    the API server but not yet by the proxy; when it returns True the connection breaks there.
    """

    def __init__(self, kubeconfig: Path, strike: Callable[[int, str], bool] = lambda _number, _moment: False) -> None:
        self.strike = strike
        self.writes: list[Write] = []
        self.others: list[Write] = []
        """Writes to Leases and Events."""
        self.count = 0
        self.cut = False
        """While true, every new request breaks."""
        self.deaf: set[str] = set()
        """Resources whose watches pass nothing on, as `pods`."""
        self._open: list[tuple[str, web.StreamResponse]] = []
        self._kubeconfig = str(kubeconfig)
        self._background = Background()
        self._connection: Connection
        self._session: aiohttp.ClientSession
        self._runner: web.AppRunner
        self.address = ""

    def __enter__(self) -> "ApiProxy":
        self._background.__enter__()
        self._background.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._stop())
        self._background.__exit__()

    def write_kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads through the proxy, and return its path."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": self.address}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
        }
        path.write_text(json.dumps(content))
        return path

    def say(self, resource: str, event: Mapping[str, Any]) -> int:
        """Put an event into every open watch of a resource, and return how many there were."""
        return self._background.run(self._say(resource, json.dumps(event).encode() + b"\n"))

    async def _say(self, resource: str, line: bytes) -> int:
        watches = [response for found, response in self._open if found == resource]
        for response in watches:
            await response.write(line)
        return len(watches)

    async def _start(self) -> None:
        self._connection = await connect(self._kubeconfig)
        self._session = self._connection.session([])
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._connection.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.cut:
            return _broken(request)
        counted = request.method != "GET" and not any(word in request.path for word in _NOT_COUNTED)
        if not counted:
            return await self._pass_on(request, body)
        self.count += 1
        number = self.count
        if self.strike(number, "before"):
            return _broken(request)
        return await self._pass_on(request, body, number)

    async def _pass_on(self, request: web.Request, body: bytes, number: int = 0) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = self._connection.server + request.raw_path
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        try:
            async with self._session.request(
                request.method, url, data=body or None, headers=headers, timeout=timeout
            ) as answer:
                if request.query.get("watch") == "true":
                    return await self._stream(request, answer)
                content = await answer.read()
        except aiohttp.ClientError:
            return _broken(request)
        if request.method != "GET":
            self._note(request, body, answer.status, number)
        if number and self.strike(number, "after"):
            return _broken(request)
        return web.Response(body=content, status=answer.status, headers={"Content-Type": answer.content_type})

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
        await response.prepare(request)
        entry = (request.path.rsplit("/", 1)[1], response)
        self._open.append(entry)
        try:
            async for line in answer.content:
                if entry[0] not in self.deaf:
                    await response.write(line)
        finally:
            self._open.remove(entry)
        return response

    def _note(self, request: web.Request, body: bytes, status: int, number: int) -> None:
        name = json.loads(body)["metadata"]["name"] if request.method == "POST" else ""
        (self.writes if number else self.others).append(Write(request.method, request.path, status, name))


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
