"""The faults that are played between operators and API servers: their plan, and what they do to a watch."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.support.faults import MIXES, Faults, Mix, StreamFault
from tests.support.proxied_watch import EXPIRED, pass_watch_on

EVENTS = [json.dumps({"type": "ADDED", "object": {"metadata": {"resourceVersion": str(n)}}}).encode() for n in range(4)]
REQUESTS = [("POST", "/api/v1/pods"), ("PATCH", "/jobs/mnist/status"), ("GET", "/jobs")] * 20


class Response(web.StreamResponse):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        self.lines.append(bytes(data))


async def stream(*, ends: bool = True) -> AsyncIterator[bytes]:
    for event in EVENTS:
        yield event + b"\n"
    if not ends:
        await asyncio.Event().wait()


def readable(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


async def passed(fault: StreamFault | None, *, ends: bool = True) -> tuple[list[bytes], bool]:
    response = Response()
    broken = await pass_watch_on(stream(ends=ends), response, fault, lambda: False)
    return response.lines, broken


@pytest.mark.parametrize("mix", MIXES)
def test_same_seed_plays_the_same_faults_in_whatever_order_requests_come(mix: str) -> None:
    first, second = Faults(MIXES[mix], 7), Faults(MIXES[mix], 7)
    one = [(path, first.of_request(method, path)) for method, path in REQUESTS]
    other = [(path, second.of_request(method, path)) for method, path in sorted(REQUESTS)]
    assert sorted(one, key=lambda found: found[0]) == sorted(other, key=lambda found: found[0])
    assert [first.of_watch("pods") for _ in range(20)] == [second.of_watch("pods") for _ in range(20)]
    assert first.struck == second.struck


def test_other_seed_plays_other_faults() -> None:
    plans = [Faults(MIXES["everything"], seed) for seed in (1, 2)]
    assert len({str([plan.of_request(*request) for request in REQUESTS]) for plan in plans}) == 2


def test_errors_ask_to_wait_only_where_there_are_too_many_requests() -> None:
    plan = Faults(Mix({"error": 1.0}), 3)
    found = [fault for method, path in REQUESTS if (fault := plan.of_request(method, path))]
    assert {fault.status for fault in found} >= {403, 409, 429, 500, 503}
    assert all((fault.retry_after > 0) == (fault.status == 429) for fault in found)


async def test_watch_without_a_fault_is_passed_on_as_it_is() -> None:
    assert await passed(None) == ([event + b"\n" for event in EVENTS], False)


async def test_late_watch_loses_nothing() -> None:
    assert await passed(StreamFault("late", 1, 0.001)) == ([event + b"\n" for event in EVENTS], False)


@pytest.mark.parametrize("ends", [True, False])
async def test_gap_drops_what_follows_and_ends_with_410(*, ends: bool) -> None:
    lines, broken = await passed(StreamFault("gap", 2, 0.01), ends=ends)
    assert lines[:-1] == [event + b"\n" for event in EVENTS[:2]]
    assert (json.loads(lines[-1]), broken) == (EXPIRED, False)


async def test_torn_event_is_a_line_that_nobody_can_read() -> None:
    lines, broken = await passed(StreamFault("torn", 1))
    assert [readable(line) for line in lines] == [True, False, True, True]
    assert (lines[1].endswith(b"\n"), broken) == (True, False)


async def test_cut_watch_breaks_within_an_event() -> None:
    lines, broken = await passed(StreamFault("cut", 1))
    assert [readable(line) for line in lines] == [True, False]
    assert (lines[-1].endswith(b"\n"), broken) == (False, True)


async def test_dead_watch_stays_open_and_says_nothing_more() -> None:
    response = Response()
    watch = asyncio.create_task(pass_watch_on(stream(), response, StreamFault("dead", 2), lambda: False))
    done, _ = await asyncio.wait({watch}, timeout=0.1)
    watch.cancel()
    assert (done, response.lines) == (set(), [event + b"\n" for event in EVENTS[:2]])
