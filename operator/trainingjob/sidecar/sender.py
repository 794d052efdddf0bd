"""Send many files at a time, in bounded memory, and remember what has arrived."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from trainingjob.sidecar.choosing import Choice
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.log import say
from trainingjob.sidecar.scan import Problem
from trainingjob.sidecar.targets import Target
from trainingjob.sidecar.transfer import ChangedError, Sent, UnreadableError, send

T = TypeVar("T")
_LARGE: Final = 5 * 2**20
"""Bytes from which a file is sent in parts; only one such file is on its way at a time."""
_SMALL_AT_ONCE: Final = 6
_TOLD: Final = 16 * 2**20
"""Bytes from which a file has a line of its own in the log, and is remembered at once."""
_SAVE_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 15.0


@dataclass
class Outcome:
    """What became of a number of files."""

    files: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Files that were written to meanwhile."""
    refused: bool = False
    """Whether the store has refused one of them."""
    unavailable: str = ""
    """Why the store could not be reached, when it could not."""


class Sender:
    """Sends files of one artifact."""

    def __init__(
        self,
        workspace: Path,
        sent: dict[str, Sent],
        save: Callable[[], None],
        stopping: asyncio.Event,
    ) -> None:
        """Take the map in which is kept what has arrived, and what brings it to the disk."""
        self._workspace, self._sent, self._save, self._stopping = workspace, sent, save, stopping
        self._saved = time.monotonic()
        self.unavailable = ""
        """What the store's newest failure was."""

    async def send(self, target: Target, choices: Sequence[Choice], *, patient: bool) -> Outcome:
        """Send files.

        Args:
            target: where to.
            choices: the files, in the order in which they are to be sent.
            patient: whether to try again and again while the store does not answer; otherwise the rest is left then,
                and as well when the program has ended.
        """
        outcome = Outcome()
        large = deque(choice for choice in choices if choice.found.stamp.size > _LARGE)
        small = deque(choice for choice in choices if choice.found.stamp.size <= _LARGE)
        async with asyncio.TaskGroup() as group:
            for queue in (large, *[small] * min(_SMALL_AT_ONCE, len(small))):
                group.create_task(self._work(target, queue, outcome, patient=patient))
        self._save()
        return outcome

    async def _work(self, target: Target, queue: deque[Choice], outcome: Outcome, *, patient: bool) -> None:
        while queue and (patient or not (self._stopping.is_set() or outcome.unavailable)):
            choice = queue.popleft()
            path = choice.found.path
            try:
                one = partial(self._one, target, choice, outcome)
                await (self.patiently(one) if patient else one())
            except ChangedError:
                outcome.changed.append(path)
            except UnreadableError as error:
                text = f"The uploading sidecar cannot read it: {error}."
                outcome.problems.append(Problem(path, text, loses=True))
            except FileNotFoundError:
                continue
            except RefusedError as error:
                outcome.refused = True
                outcome.problems.append(Problem(path, str(error), loses=True))
            except UnavailableError as error:
                outcome.unavailable = str(error)

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do some work until the store answers, with growing pauses of random length."""
        pause = 1.0
        while True:
            try:
                return await work()
            except UnavailableError as error:
                self.unavailable = str(error)
                say(f"{error} Trying again.")
            # Pods of one job fail together and should not come back together.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 (no secret hangs on it)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _one(self, target: Target, choice: Choice, outcome: Outcome) -> None:
        begun = time.monotonic()
        # When this fails nobody knows what the store has under the name.
        self._sent.pop(choice.found.path, None)
        sent = await send(target, self._workspace, choice.found, growing=choice.growing)
        self._sent[choice.found.path] = sent
        outcome.files += 1
        outcome.bytes += sent.stamp.size
        now = time.monotonic()
        if sent.stamp.size >= _TOLD:
            say(f"uploaded {choice.found.path}: {sent.stamp.size:,} bytes in {now - begun:.1f} s")
        if sent.stamp.size >= _TOLD or now - self._saved >= _SAVE_SECONDS:
            self._saved = now
            self._save()
