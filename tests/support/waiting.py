"""Wait for something to become true."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(found: Callable[[], T | None], seconds: float, *, every: float = 0.05) -> T:
    """Return the first true answer of a question that is asked again and again.

    Raises:
        TimeoutError: when there is none in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {seconds} s")
        time.sleep(every)
    return answer
