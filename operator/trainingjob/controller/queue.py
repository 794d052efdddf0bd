"""Which job is looked at next: each by one worker at a time, the failing ones later and later."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)

BACKOFF_FIRST: Final = 1.0
BACKOFF_MOST: Final = 60.0


class QueueClosedError(Exception):
    """The queue gives out no more keys."""


class Timer(Protocol):
    """A call that is still to come."""

    def when(self) -> float:
        """Return the moment of the call, on its loop's clock."""

    def cancel(self) -> None:
        """Do not make the call."""


class Loop(Protocol):
    """What the queue needs of an event loop: a clock in seconds, and calls that wait for their time."""

    def time(self) -> float:
        """Return the seconds on a clock that never goes back."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call back after so many seconds."""


class KeyedQueue(Generic[K]):
    """A queue without duplicates: a key that is added while it is worked on comes again afterwards.

    It lives on one event loop; all times are seconds.
    """

    def __init__(
        self,
        first: float = BACKOFF_FIRST,
        most: float = BACKOFF_MOST,
        loop: Callable[[], Loop] = asyncio.get_running_loop,
    ) -> None:
        """Make an empty queue.

        Args:
            first: the back-off after a key's first failure; it doubles with each further one.
            most: the longest back-off.
            loop: returns the event loop whose time counts.
        """
        self._loop = loop
        self._first = first
        self._most = most
        self._ready: asyncio.Queue[K | None] = asyncio.Queue()
        self._queued: set[K] = set()
        self._active: dict[K, float] = {}
        self._again: set[K] = set()
        self._timers: dict[K, Timer] = {}
        self._failures: dict[K, int] = {}
        self._closed = False

    @property
    def depth(self) -> int:
        """Return how many keys could be worked on at once if there were workers for them."""
        return len(self._queued) + len(self._again)

    @property
    def ready(self) -> int:
        """Return how many keys `take` gives out without waiting."""
        return len(self._queued)

    @property
    def waiting(self) -> int:
        """Return how many keys wait for their time."""
        return len(self._timers)

    @property
    def active(self) -> int:
        """Return how many keys are worked on."""
        return len(self._active)

    def longest(self) -> float:
        """Return for how many seconds the slowest pass has made no progress; 0 when there is none."""
        if not self._active:
            return 0.0
        return self._loop().time() - min(self._active.values())

    def add(self, key: K) -> None:
        """Ask for a look at this key as soon as a worker is free."""
        if self._closed or key in self._queued:
            return
        self._drop_timer(key)
        if key in self._active:
            self._again.add(key)
            return
        self._queued.add(key)
        self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Ask for a look in so many seconds; of several such wishes the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        if self._closed or key in self._queued or key in self._again:
            return
        loop = self._loop()
        if timer := self._timers.get(key):
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self.add, key)

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Ask for a look after the key's back-off, which grows, and return the back-off."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(at_least, min(self._most, self._first * 2.0 ** min(failures, 30)))
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Let the key's next failure wait the shortest back-off again."""
        self._failures.pop(key, None)

    async def take(self) -> K:
        """Wait for a key; the caller says `done` when it has finished with it.

        Raises:
            QueueClosedError: when the queue was closed.
        """
        key = await self._ready.get()
        if key is None or self._closed:
            self._ready.put_nowait(None)
            raise QueueClosedError
        self._queued.discard(key)
        self._active[key] = self._loop().time()
        return key

    def progressed(self, key: K) -> None:
        """Say that the work on a key goes on, however long it takes."""
        if key in self._active:
            self._active[key] = self._loop().time()

    def done(self, key: K) -> None:
        """Say that the work on a key has ended."""
        del self._active[key]
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def close(self) -> None:
        """Give out no more keys and forget those that wait."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._again.clear()
        self._ready.put_nowait(None)

    def _drop_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
