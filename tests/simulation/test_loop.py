"""The simulated clock and its coroutines behave as an event loop's do."""

from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.loop import Clockwork, Resume, Task, side_by_side, suspended


def sleeping(clock: Clockwork, seconds: float, told: list[str], word: str) -> Coroutine[Any, Any, None]:
    """Return a coroutine that says a word after some time, and another one when it is broken off."""

    async def sleep() -> None:
        def arrange(resume: Resume) -> None:
            clock.after(seconds, resume, None, None)

        try:
            await suspended(arrange)
            told.append(word)
        except GeneratorExit:
            told.append(f"{word} broken off")
            raise

    return sleep()


async def failing() -> None:
    raise ValueError("no")


def gathered(make: Callable[[Clockwork, list[str]], list[Coroutine[Any, Any, None]]]) -> list[str]:
    """Return what is told while some coroutines are carried out side by side."""
    clock, told, group = Clockwork(), list[str](), set[Task]()
    Task(
        side_by_side(group, make(clock, told), lambda: told.append("ended")),
        group,
        lambda error: told.append(f"all: {error}"),
    )
    while clock.step():
        pass
    return told


def test_calls_are_made_by_time_and_then_in_the_order_of_asking() -> None:
    clock, made = Clockwork(), list[tuple[str, float]]()
    for word, seconds in (("late", 2.0), ("first", 1.0), ("second", 1.0)):
        clock.call_later(seconds, lambda said: made.append((said, clock.now)), word)
    clock.call_later(1.5, made.append, ("never", 0.0)).cancel()
    while clock.step():
        pass
    assert made == [("first", 1.0), ("second", 1.0), ("late", 2.0)]


def test_time_goes_on_however_short_a_wait_is() -> None:
    clock = Clockwork()
    clock.call_later(1e-18, lambda: None)
    clock.step()
    assert clock.now > 0


def test_requests_side_by_side_end_when_the_last_has_ended() -> None:
    told = gathered(lambda clock, told: [sleeping(clock, 2, told, "a"), sleeping(clock, 1, told, "b")])
    assert told == ["b", "ended", "a", "ended", "all: None"]


def test_first_error_breaks_off_the_others() -> None:
    told = gathered(lambda clock, told: [sleeping(clock, 2, told, "a"), failing(), sleeping(clock, 1, told, "b")])
    assert told == ["ended", "a broken off", "all: no"]
