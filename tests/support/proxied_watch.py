"""Pass a watch on, as it is or bent by a fault."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

from tests.support.faults import StreamFault

EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}


async def pass_watch_on(
    lines: AsyncIterator[bytes], response: web.StreamResponse, fault: StreamFault | None, deaf: Callable[[], bool]
) -> bool:
    """Write the events of a watch into a response, and say whether its connection shall break afterwards.

    Args:
        lines: the events as the API server sends them.
        response: where they go.
        fault: what happens from its event on; `late`: each comes so much later; `gap`: for some seconds they are
            dropped, then the watch is too old; `dead`: nothing comes any more while the connection stays; `torn`: one
            event is cut off and the watch goes on; `cut`: the connection breaks within an event.
        deaf: says whether events are dropped by the wish of a test.
    """
    passed = 0
    async for line in lines:
        if deaf():
            continue
        if fault is None or passed < fault.after:
            await response.write(line)
        else:
            await _strike(fault, line, lines, response)
            return fault.kind == "cut"
        passed += 1
    return False


async def _strike(fault: StreamFault, line: bytes, lines: AsyncIterator[bytes], response: web.StreamResponse) -> None:
    """Do what a fault does to an event and to all that follow."""
    half = line[: len(line) // 2]
    match fault.kind:
        case "late":
            await _delay(line, lines, response, fault.seconds)
        case "gap":
            await _drop(lines, fault.seconds)
            await response.write(json.dumps(EXPIRED).encode() + b"\n")
        case "dead":
            await _drop(lines, None)
            await asyncio.Event().wait()
        case "torn":
            await response.write(half + b"\n")
            async for following in lines:
                await response.write(following)
        case _:
            await response.write(half)


async def _delay(first: bytes, lines: AsyncIterator[bytes], response: web.StreamResponse, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    held.put_nowait((clock() + seconds, first))

    async def hold() -> None:
        with suppress(aiohttp.ClientError):
            async for line in lines:
                held.put_nowait((clock() + seconds, line))
        held.put_nowait((clock() + seconds, b""))

    holding = asyncio.create_task(hold())
    try:
        while True:
            due, line = await held.get()
            await asyncio.sleep(due - clock())
            if not line:
                return
            await response.write(line)
    finally:
        holding.cancel()


async def _drop(lines: AsyncIterator[bytes], seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            async for _ in lines:
                pass
    except (TimeoutError, aiohttp.ClientError):
        return
