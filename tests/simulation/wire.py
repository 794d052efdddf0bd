"""The way from the operator to the API server and back, on which every fault of a schedule happens."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from tests.simulation.loop import Clockwork, suspended
from trainingjob.controller.kube_errors import KubeError, TransientError, error_of
from trainingjob.testing import Body, Request

LATENCY: Final = 0.01
"""Seconds that an answer takes."""
_REASONS: Final = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 403: "Forbidden"}


class Wired(Protocol):
    """What a wire needs of the world around it."""

    loop: Clockwork
    resting: bool

    def crash(self, seconds: float) -> None:
        """Kill the operator; it comes back after so many seconds."""

    def sent(self, request: Request, status: int, answer: Body | None, what: str) -> None:
        """Take over what became of a request; status 0 when the server has never seen it."""

    def settle(self) -> None:
        """Let everybody know of what has changed."""


class Wire:
    """Carries requests; it counts the writes, and looks up what is to happen to each."""

    def __init__(self, world: Wired, faults: Mapping[tuple[str, int], tuple[str, float]]) -> None:
        """Make a wire; `faults` says for a `write` or `read` by its number what happens and for how many seconds."""
        self._world = world
        self.faults = faults
        self.writes = 0
        self.reads = 0
        """How many single objects the operator has asked for."""
        self.met: list[str] = []
        """The faults that have happened."""
        self._errors: list[KubeError] = []

    def forget(self) -> None:
        """Let go of what the errors hold: the coroutines that they went through, and what those know."""
        for error in self._errors:
            error.__traceback__ = error.__context__ = None

    async def travel(self, request: Request, perform: Callable[[], Body]) -> Body:
        """Take a request to the server and its answer back."""
        if request.verb == "list":
            return perform()
        answer: Body | None = None
        error: KubeError | None = None
        kind, seconds = "", 0.0
        if request.verb != "get":
            self.writes += 1
            number = "write", self.writes
        else:
            self.reads += 1
            number = "read", self.reads
        fault = self.faults.get(number)
        if fault is not None and not self._world.resting:
            kind, seconds = fault
            self.met.append(kind if number[0] == "write" else f"{kind} of a read")
        if not kind:
            answer, error = self._perform(request, perform, kind)
        elif kind == "crash-before":
            self._world.sent(request, 0, None, kind)
            self._world.crash(seconds)
        elif kind.isdecimal():
            error = _error(int(kind))
            self._world.sent(request, 0, None, kind)
        else:
            answer, error = self._perform(request, perform, kind)
            if kind == "crash-after":
                self._world.crash(seconds)
            elif kind == "lost":
                error = TransientError("No answer from the API server: simulated")

        if error is not None:
            self._errors.append(error)

        late = LATENCY + seconds if kind == "slow" else LATENCY
        found: Body = await suspended(lambda resume: self._world.loop.after(late, resume, answer, error))
        return found

    def _perform(
        self, request: Request, perform: Callable[[], Body], kind: str
    ) -> tuple[Body | None, KubeError | None]:
        answer: Any = None
        error = None
        status = 201 if request.verb == "create" else 200
        try:
            answer = perform()
        except KubeError as refused:
            error, status = refused, refused.status
        if request.writes or kind:
            # The judge hears of what a write has changed before it hears of the write.
            self._world.settle()
            self._world.sent(request, status, answer, kind)
        return answer, error


def _error(status: int) -> KubeError:
    return error_of(status, {"reason": _REASONS[status], "message": f"simulated {_REASONS[status]}"}, {})
