"""Keep a cache equal to what the API server stores: list, watch, and list again when the watch cannot go on."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Generic

from trainingjob.controller.cache import ObjectCache, S
from trainingjob.controller.kube import SILENT, KubeClient, Resource
from trainingjob.controller.kube_errors import GoneError, KubeError, TransientError, error_of

LIST_CHUNK: Final = 500
WATCH_SECONDS: Final = (240, 290)
"""A watch is asked to end after a time between these, so that not all of them end together."""
SILENCE_SECONDS: Final = 80.0
"""Bookmarks come every minute: a connection that is silent for longer is dead."""
BACKOFF_SECONDS: Final = (0.5, 10.0)
"""First and longest wait after a failure."""

logger = logging.getLogger(__name__)


def read_or_skip(read: Callable[[Mapping[str, Any]], S], body: Mapping[str, Any]) -> S | None:
    """Read an object; one of a form that nobody has foreseen is logged and hides none of the others."""
    try:
        return read(body)
    except (KeyError, ValueError, TypeError, AttributeError):
        logger.exception("An object cannot be read and is passed over.")
        return None


async def take_list(
    client: KubeClient,
    resource: Resource,
    scope: str,
    selector: str,
    read: Callable[[Mapping[str, Any]], S | None],
    cache: ObjectCache[S],
    heard: Callable[[], None],
) -> str:
    """List all objects of a kind, make the cache equal to them, and return the list's resource version.

    Args:
        client: makes the requests.
        resource: the kind of objects.
        scope: the namespace; empty for all.
        selector: the label selector of the objects that are wanted.
        read: makes a value of an object; None passes it over.
        cache: takes the list over.
        heard: is told of every answer.
    """
    found: list[S] = []
    newest, token = cache.newest, ""
    while True:
        page = await client.list(resource, scope, selector=selector, limit=LIST_CHUNK, token=token)
        heard()
        found += [value for body in page.get("items") or () if (value := read(body)) is not None]
        token = page["metadata"].get("continue") or ""
        if not token:
            break
    version = page["metadata"]["resourceVersion"]
    if int(version) < newest:
        logger.warning("The API server's store went back in time; what was known of %s is dropped.", resource.plural)
        cache.reset(scope)
    cache.replace(scope, found, int(version))
    return str(version)


def take_event(kind: str, stored: S, cache: ObjectCache[S]) -> None:
    """Let a cache take over the event of a watch that shows an object."""
    if kind == "DELETED":
        cache.remove(stored)
    else:
        cache.observe(stored)


class Informer(Generic[S]):
    """Follow the objects of one kind in one namespace, or in all of them."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        scope: str,
        selector: str,
        read: Callable[[Mapping[str, Any]], S],
        cache: ObjectCache[S],
        restarted: Callable[[str, str], None],
        *,
        silence: float = SILENCE_SECONDS,
        backoff: tuple[float, float] = BACKOFF_SECONDS,
    ) -> None:
        """Make an informer; `run` starts it.

        Args:
            client: makes the requests.
            resource: the kind of objects.
            scope: the namespace; empty for all.
            selector: the label selector of the objects that are wanted.
            read: makes a value of an object; KeyError and ValueError mean that the object is skipped.
            cache: takes over what is heard.
            restarted: is told the resource and the reason whenever a watch ends.
            silence: seconds without a byte after which a watch counts as dead.
            backoff: first and longest wait in seconds after a failure.
        """
        self._client = client
        self._resource = resource
        self._scope = scope
        self._selector = selector
        self._read = read
        self._cache = cache
        self._restarted = restarted
        self._silence = silence
        self._backoff = backoff
        self._version = ""
        self._wait = backoff[0]
        self.synced = asyncio.Event()
        """Set once the first list has been taken over."""
        self.last_contact = time.monotonic()
        """When the API server was last heard of, on the monotonic clock."""
        self.last_beat = time.monotonic()
        """When this informer last did anything, be it to fail; it stands still only when the informer hangs."""

    @property
    def name(self) -> str:
        """Return what is followed, for messages."""
        return f"{self._resource.plural} in {self._scope or 'all namespaces'}"

    async def run(self) -> None:
        """Follow for ever; failures of the API server are waited out."""
        while True:
            self.last_beat = time.monotonic()
            try:
                await self._follow()
            except GoneError as error:
                logger.info("The watch of %s is too old, listing again: %s", self.name, error)
                self._end("gone", relist=True)
            except (ValueError, KeyError, TypeError) as error:
                logger.warning("The watch of %s sent what cannot be read, listing again: %s", self.name, error)
                self._end("unreadable", relist=True)
            except TransientError as error:
                self._end("silent" if error.reason == SILENT else "broken", relist=False)
                await self._pause(error)
            except KubeError as error:
                # What the server refuses may be granted later, so this is waited out too.
                self._end("refused", relist=True)
                await self._pause(error)

    async def _follow(self) -> None:
        if not self._version:
            await self._list()
        begun = time.monotonic()
        await self._watch()
        self._end("ended", relist=False)
        if time.monotonic() - begun < self._backoff[0]:
            await asyncio.sleep(self._backoff[0])

    async def _list(self) -> None:
        self._version = await take_list(
            self._client, self._resource, self._scope, self._selector, self._value, self._cache, self._heard
        )
        self.synced.set()

    async def _watch(self) -> None:
        events = self._client.watch(
            self._resource,
            self._scope,
            selector=self._selector,
            version=self._version,
            seconds=random.randint(*WATCH_SECONDS),  # noqa: S311  # spreads load, guards nothing
            silence=self._silence,
        )
        async with aclosing(events):
            async for event in events:
                self._heard()
                self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        kind, body = event["type"], event["object"]
        if kind == "ERROR":
            # Whatever the error, the place in the stream is lost with it.
            self._version = ""
            raise error_of(body.get("code") or 500, body, {})
        if kind != "BOOKMARK" and (stored := self._value(body)) is not None:
            take_event(kind, stored, self._cache)
        self._version = body["metadata"]["resourceVersion"]

    def _value(self, body: Mapping[str, Any]) -> S | None:
        return read_or_skip(self._read, body)

    def _heard(self) -> None:
        self.last_contact = self.last_beat = time.monotonic()
        self._wait = self._backoff[0]

    def _end(self, why: str, *, relist: bool) -> None:
        self._restarted(self._resource.plural, why)
        if relist:
            self._version = ""

    async def _pause(self, error: KubeError) -> None:
        hint = " Is it installed, and may the operator list and watch it?" if error.status in (403, 404) else ""
        logger.warning("Cannot follow %s, next try in %.1f s: %s%s", self.name, self._wait, error, hint)
        await asyncio.sleep(self._wait * random.uniform(0.8, 1.2))  # noqa: S311  # spreads load, guards nothing
        self._wait = min(self._backoff[1], self._wait * 2)
