"""One thread and a clock of its own: coroutines are stepped by hand, in an order that follows from the schedule."""

from collections.abc import Callable, Coroutine, Iterable
from heapq import heappop, heappush
from types import coroutine
from typing import Any, Final

from tests.simulation.errors import SimulationError

_TICK: Final = 0.001

Resume = Callable[[Any, BaseException | None], None]
"""Takes the value that an `await` returns, or the error that it raises."""


class Timer:
    """A call that is still to come, and may be cancelled."""

    __slots__ = ("call", "moment")

    def __init__(self, moment: float, call: Callable[..., object]) -> None:
        self.moment = moment
        self.call: Callable[..., object] | None = call
        """None once the call is made or cancelled."""

    def when(self) -> float:
        """Return the moment of the call."""
        return self.moment

    def cancel(self) -> None:
        """Do not make the call."""
        self.call = None


class Clockwork:
    """Simulated time and what happens in it; calls of the same moment are made in the order in which they were asked.

    `call_later` is for the operator, whose timers may go on for ever; `after` is for everything else: the world is at
    rest only when none of those is left.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.pending = 0
        """How many calls of `after` are still to come."""
        self._heap: list[tuple[float, int, Timer | None, Callable[..., object], tuple[Any, ...]]] = []
        """Moment, number, timer (None for what cannot be taken back and counts as pending), call, arguments."""
        self._sequence = 0

    def time(self) -> float:
        """Return the seconds since the beginning."""
        return self.now

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call back after so many seconds."""
        timer = Timer(self.now + (delay if delay > _TICK else _TICK), callback)
        self._sequence += 1
        heappush(self._heap, (timer.moment, self._sequence, timer, callback, args))
        return timer

    def after(self, delay: float, call: Callable[..., object], *args: Any) -> None:
        """Call after so many seconds; the call cannot be taken back."""
        self.pending += 1
        self._sequence += 1
        # As in a real process time goes on between asking for a call and its coming, however short the wait.
        heappush(self._heap, (self.now + (delay if delay > _TICK else _TICK), self._sequence, None, call, args))

    def forget(self) -> None:
        """Make none of the calls that are still to come."""
        self._heap.clear()

    def step(self) -> bool:
        """Make the next call and say whether there was one."""
        heap = self._heap
        while heap:
            moment, _, timer, call, arguments = heappop(heap)
            if timer is None:
                self.pending -= 1
            elif timer.call is None:
                continue
            else:
                timer.call = None
            self.now = moment
            call(*arguments)
            return True
        return False


class Task:
    """A coroutine that is stepped by hand until it ends or its process is killed."""

    __slots__ = ("_coro", "_ended", "_group")

    def __init__(
        self, coro: Coroutine[Any, Any, Any], group: set["Task"], ended: Callable[[BaseException | None], None]
    ) -> None:
        """Begin at once; `group` holds the task while it lives, `ended` is told its error."""
        self._coro = coro
        self._group = group
        self._ended = ended
        group.add(self)
        self.resume(None, None)

    def resume(self, value: Any, error: BaseException | None) -> None:
        """Go on until the next wait or the end; a task that was stopped does nothing any more."""
        if self not in self._group:
            return
        try:
            arrange = self._coro.send(value) if error is None else self._coro.throw(error)
        except StopIteration:
            self._group.discard(self)
            self._ended(None)
        except Exception as raised:  # noqa: BLE001  # whatever a coroutine raises is its parent's business
            self._group.discard(self)
            self._ended(raised)
        else:
            arrange(self.resume)

    def stop(self) -> None:
        """Never go on; what the coroutine does on its way out happens now."""
        self._group.discard(self)
        self._coro.close()


@coroutine
def suspended(arrange: Callable[[Resume], None]) -> Any:
    """Wait until what `arrange` was given is called, and return its value or raise its error."""
    return (yield arrange)


async def side_by_side(
    group: set[Task], requests: Iterable[Coroutine[Any, Any, None]], ended: Callable[[], None]
) -> None:
    """Carry out requests at the same time, as `trainingjob.controller.executor.in_tasks` does it."""
    coroutines = list(requests)
    if not coroutines:
        return
    if len(coroutines) == 1:
        try:
            await coroutines[0]
        finally:
            ended()
        return
    left, failed = len(coroutines), False
    tasks: list[Task] = []

    def begin(resume: Resume) -> None:
        def over(error: BaseException | None) -> None:
            nonlocal left, failed
            ended()
            left -= 1
            if failed:
                return
            if error is not None:
                failed = True
                resume(None, error)
            elif left == 0:
                resume(None, None)

        for one in coroutines:
            if failed:
                one.close()
            else:
                tasks.append(Task(one, group, over))

    try:
        await suspended(begin)
    finally:
        for task in tasks:
            if task in group:
                task.stop()


def finished(coro: Coroutine[Any, Any, Any]) -> None:
    """Carry out a coroutine that never waits.

    Raises:
        SimulationError: when it does.
    """
    try:
        coro.send(None)
    except StopIteration:
        return
    raise SimulationError("a coroutine waits that should not")
