"""Between an operator and its API server: counts what is written, strikes at a chosen write, and plays faults."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.background import Background
from tests.support.faults import Fault, Faults
from tests.support.proxied_watch import pass_watch_on
from tests.support.user import wait_until
from trainingjob.controller.connection import Connection, connect

_PASSED_ON = ("Accept", "Content-Type", "User-Agent")
_NOT_COUNTED = ("/leases", "/events")


@dataclass(frozen=True)
class Write:
    """A write, and what the API server answered to it."""

    method: str
    path: str
    status: int
    """The HTTP status; 0 when the API server never saw the write or nobody heard its answer."""
    name: str
    """The name of the object that a create stands for; empty for other writes."""
    body: Mapping[str, Any]
    answer: Mapping[str, Any]

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
        self.faults: Faults | None = None
        """What goes wrong; None for nothing."""
        self.heard: Callable[[Write], None] = lambda _: None
        """Is told every write in the thread of the proxy, also those that never reached the API server."""
        self.writes: list[Write] = []
        """Writes that were answered by the API server."""
        self.others: list[Write] = []
        """Writes to Leases and Events."""
        self.count = 0
        self.cut = False
        """While true, every new request breaks."""
        self.deaf: set[str] = set()
        """Resources whose watches pass nothing on, as `pods`."""
        self._acting = 0
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

    def settle(self) -> None:
        """Wait until every request that was received is carried out, also those whose sender is dead."""
        wait_until(lambda: self._acting, lambda count: count == 0, 60, pause=0.02)

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
        # The watches of an operator that was killed must not stay open until the API server ends them.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
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
        if request.query.get("watch") == "true":
            return await self._watch(request)
        # What was received is carried out, whether or not its sender still lives.
        return await asyncio.shield(asyncio.create_task(self._act(request, body)))

    async def _act(self, request: web.Request, body: bytes) -> web.StreamResponse:
        self._acting += 1
        try:
            response, fault = await self._carry_out(request, body)
        finally:
            self._acting -= 1
        if fault.hangs:
            await asyncio.Event().wait()
        return _broken(request) if fault.lost else response

    async def _carry_out(self, request: web.Request, body: bytes) -> tuple[web.StreamResponse, Fault]:
        counted = request.method != "GET" and not any(word in request.path for word in _NOT_COUNTED)
        number = 0
        if counted:
            self.count += 1
            number = self.count
            if self.strike(number, "before"):
                self._note(request, body, 0, b"", number)
                return _broken(request), Fault()
        fault = self.faults.of_request(request.method, _plain(request.path)) if self.faults else None
        fault = fault or Fault()
        if fault.status:
            self._note(request, body, 0, b"", number)
            return _refusal(fault), fault
        await asyncio.sleep(fault.late / 2)
        response = await self._pass_on(request, body, number, fault.share)
        await asyncio.sleep(fault.late / 2)
        return response, fault

    async def _pass_on(self, request: web.Request, body: bytes, number: int, share: float) -> web.StreamResponse:
        try:
            async with self._forward(request, body) as answer:
                content = await answer.read()
        except aiohttp.ClientError:
            self._note(request, body, 0, b"", number)
            return _broken(request)
        self._note(request, body, answer.status, content, number)
        if number and self.strike(number, "after"):
            return _broken(request)
        content = content[: int(len(content) * share)]
        return web.Response(body=content, status=answer.status, headers={"Content-Type": answer.content_type})

    def _forward(self, request: web.Request, body: bytes) -> Any:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = self._connection.server + request.raw_path
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        return self._session.request(request.method, url, data=body or None, headers=headers, timeout=timeout)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        resource = request.path.rsplit("/", 1)[1]
        fault = self.faults.of_watch(resource) if self.faults else None
        try:
            async with self._forward(request, b"") as answer:
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
                await response.prepare(request)
                entry = (resource, response)
                self._open.append(entry)
                try:
                    lines = aiter(answer.content)
                    if await pass_watch_on(lines, response, fault, lambda: resource in self.deaf):
                        return _broken(request)
                finally:
                    self._open.remove(entry)
        except aiohttp.ClientError:
            return _broken(request)
        return response

    def _note(self, request: web.Request, body: bytes, status: int, answer: bytes, number: int) -> None:
        if request.method == "GET":
            return
        sent = json.loads(body) if body else {}
        name = sent["metadata"]["name"] if request.method == "POST" else ""
        write = Write(request.method, request.path, status, name, sent, json.loads(answer) if answer else {})
        if status:
            (self.writes if number else self.others).append(write)
        if number:
            self.heard(write)


def _plain(path: str) -> str:
    """Return a path without its namespace, whose name is another in every run."""
    return re.sub(r"/namespaces/[^/]+", "", path)


def _refusal(fault: Fault) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": fault.status,
        "reason": {409: "Conflict", 403: "Forbidden", 429: "TooManyRequests"}.get(fault.status, "InternalError"),
        "message": f"the proxy says {fault.status}",
    }
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
    return web.json_response(body, status=fault.status, headers=headers)


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)
