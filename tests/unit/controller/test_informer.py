"""The informer against a server that ends, breaks, forgets and lies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.unit.controller.scripted import Script, answer, broken, listing, refusal, scripted, stream
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.informer import Informer
from trainingjob.controller.kube import SERVICES
from trainingjob.controller.observe import read_service
from trainingjob.reconcile import ObservedService

DEADLINE = 20.0


def service(name: str, version: int, uid: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {"trainingjob.dev/job": "mnist"},
        }
    }


def event(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": body}


def bookmark(version: int) -> dict[str, Any]:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class Watched:
    """An informer that runs against a script."""

    def __init__(
        self, script: Script, informer: Informer[ObservedService], cache: ObjectCache[ObservedService]
    ) -> None:
        self.script = script
        self.informer = informer
        self.cache = cache
        self.changes: list[Key] = []
        self.ends: list[str] = []

    def names(self) -> list[str]:
        return [found.name for found in self.cache.of(("team", "mnist"))]

    def asked(self) -> list[str]:
        return ["watch" if "watch" in request.query else "list" for request in self.script.requests]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def following(*answers: Any, silence: float = DEADLINE) -> AsyncIterator[Watched]:
    script = Script()
    script.then(*answers)
    changes: list[Key] = []
    ends: list[str] = []
    async with scripted(script) as client:
        cache: ObjectCache[ObservedService] = ObjectCache(changes.append, lambda found: found.job)
        informer = Informer(
            client,
            SERVICES,
            "team",
            "trainingjob.dev/job",
            read_service,
            cache,
            lambda _resource, why: ends.append(why),
            silence=silence,
            backoff=(0.001, 0.002),
        )
        watched = Watched(script, informer, cache)
        watched.changes, watched.ends = changes, ends
        task = asyncio.create_task(informer.run())
        try:
            yield watched
            assert not task.done(), "an informer never ends by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_list_in_pages_fills_the_cache_and_the_watch_goes_on_from_it() -> None:
    pages = listing(service("a", 1), version=9, token="next"), listing(service("b", 2), version=9)
    async with following(*pages, stream(event("ADDED", service("c", 10)), then="open")) as watched:
        await watched.until(lambda: watched.names() == ["a", "b", "c"])
        assert watched.informer.synced.is_set()
        requests = watched.script.requests
        assert requests[0].query["limit"] == "500"
        assert requests[0].query["labelSelector"] == "trainingjob.dev/job"
        assert requests[1].query["continue"] == "next"
        assert requests[2].query["resourceVersion"] == "9"
        assert requests[2].query["allowWatchBookmarks"] == "true"
        assert 240 <= int(requests[2].query["timeoutSeconds"]) <= 290


async def test_nothing_is_synced_before_the_last_page() -> None:
    async with following(listing(service("a", 1), version=9, token="next")) as watched:
        await watched.until(lambda: len(watched.script.requests) == 2)
        assert not watched.informer.synced.is_set()


async def test_ordinary_end_of_a_watch_goes_on_from_its_last_version_without_a_list() -> None:
    first = stream(event("ADDED", service("a", 10)), bookmark(42))
    async with following(listing(version=9), first, stream(then="open")) as watched:
        await watched.until(lambda: len(watched.script.requests) == 3)
        assert watched.asked() == ["list", "watch", "watch"]
        assert watched.script.requests[2].query["resourceVersion"] == "42"
        assert watched.ends == ["ended"]


async def test_expired_version_in_the_stream_lists_again_and_finds_the_deletion() -> None:
    gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    before = listing(service("a", 1), service("b", 2), version=9)
    async with following(before, stream(gone), listing(service("b", 2), version=20), stream(then="open")) as watched:
        await watched.until(lambda: len(watched.script.requests) == 4)
        assert watched.asked() == ["list", "watch", "list", "watch"]
        assert watched.names() == ["b"]
        assert watched.changes == [("team", "mnist")] * 3
        assert watched.ends == ["gone"]


async def test_expired_version_as_http_status_lists_again() -> None:
    async with following(
        listing(service("a", 1), version=9), refusal(410, "Expired"), listing(version=20), stream(then="open")
    ) as watched:
        await watched.until(lambda: len(watched.script.requests) == 4)
        assert watched.names() == []


async def test_other_error_in_the_stream_lists_again() -> None:
    error = event("ERROR", {"kind": "Status", "code": 500, "message": "etcd has no leader"})
    async with following(
        listing(service("a", 1), version=9), stream(error), listing(version=20), stream(then="open")
    ) as watched:
        await watched.until(lambda: len(watched.script.requests) == 4)
        assert watched.asked() == ["list", "watch", "list", "watch"]
        assert watched.names() == []


async def test_truncated_event_lists_again() -> None:
    cut = stream(event("ADDED", service("a", 10)), '{"type": "ADDED", "obj')
    async with following(
        listing(version=9), cut, listing(service("b", 11), version=12), stream(then="open")
    ) as watched:
        await watched.until(lambda: len(watched.script.requests) == 4)
        assert watched.names() == ["b"]
        assert watched.ends == ["unreadable"]


async def test_broken_connection_goes_on_from_the_last_version() -> None:
    async with following(
        listing(version=9), stream(event("ADDED", service("a", 10)), then="break"), stream(then="open")
    ) as watched:
        await watched.until(lambda: len(watched.script.requests) == 3)
        assert watched.names() == ["a"]
        assert watched.script.requests[2].query["resourceVersion"] == "10"
        assert watched.ends == ["broken"]


async def test_half_open_connection_is_given_up_after_silence() -> None:
    async with following(listing(version=9), stream(bookmark(11), then="open"), silence=0.05) as watched:
        await watched.until(lambda: len(watched.script.requests) == 3)
        assert watched.script.requests[2].query["resourceVersion"] == "11"
        assert watched.ends[0] == "silent"


async def test_outage_while_listing_is_waited_out() -> None:
    outage = broken, refusal(503), refusal(429, headers={"Retry-After": "1"}), answer("<html>")
    async with following(*outage, listing(service("a", 1), version=9), stream(then="open")) as watched:
        await watched.until(lambda: watched.names() == ["a"])
        assert watched.asked()[:5] == ["list"] * 5


async def test_refused_watch_is_tried_again_from_a_new_list() -> None:
    async with following(
        listing(version=9), refusal(403, "Forbidden"), listing(service("a", 10), version=11), stream(then="open")
    ) as watched:
        await watched.until(lambda: watched.names() == ["a"])
        assert watched.asked()[:3] == ["list", "watch", "list"]


async def test_deletion_event_removes_and_tells() -> None:
    events = event("ADDED", service("a", 10)), event("DELETED", service("a", 12))
    async with following(listing(version=9), stream(*events, then="open")) as watched:
        await watched.until(lambda: len(watched.changes) == 2)
        assert watched.names() == []


async def test_store_that_went_back_in_time_replaces_what_was_known() -> None:
    gone = event("ERROR", {"kind": "Status", "code": 410})
    restored = listing(service("b", 3), version=5)
    async with following(
        listing(service("a", 100), version=100), stream(gone), restored, stream(then="open")
    ) as watched:
        await watched.until(lambda: len(watched.script.requests) == 4)
        assert watched.names() == ["b"]
        assert watched.script.requests[3].query["resourceVersion"] == "5"


async def test_unreadable_object_hides_no_other() -> None:
    odd = {"metadata": {"name": "odd", "resourceVersion": "3"}}
    async with following(listing(odd, service("a", 1), version=9), stream(then="open")) as watched:
        await watched.until(lambda: watched.names() == ["a"])


async def test_long_event_is_read_whole() -> None:
    big = service("a", 10)
    big["metadata"]["annotations"] = {"filler": "x" * 3_000_000}
    async with following(listing(version=9), stream(event("ADDED", big), then="open")) as watched:
        await watched.until(lambda: watched.names() == ["a"])
