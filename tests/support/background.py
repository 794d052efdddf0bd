"""Run asyncio programs beside tests that are written without it."""

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_LEAVE_SECONDS = 5.0


class Background:
    """An event loop in a thread of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        self._own_sockets = len(self._selector.get_map())
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "Background":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Run a coroutine to its end on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A connection that was closed takes leave of its peer before it is gone.
        deadline = self.loop.time() + _LEAVE_SECONDS
        while len(self._selector.get_map()) > self._own_sockets and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
