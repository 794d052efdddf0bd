"""Keep a copy of a job's event files beside a TensorBoard, while the job runs and after its end.

TensorBoard opens an event file once and reads on where it was: a file that is replaced by a longer one shows nothing
new until TensorBoard is started anew. So what grows in the store grows here as well, in the same file.
"""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Final

from trainingjob.contract.tasks import MirrorEvents
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.event_choice import Choice, choose
from trainingjob.sidecar.event_files import EventFile, Troubles, find_event_files
from trainingjob.sidecar.local_copy import LocalCopy
from trainingjob.sidecar.log import say
from trainingjob.sidecar.remote import ChangedError

_NAMED: Final = 3
"""How many of the files that are left out are named."""


def run(task: str) -> None:
    """Look at the store again and again until SIGTERM; what it does not give now is asked for again.

    Args:
        task: a `MirrorEvents` as JSON.

    Raises:
        RefusedError: when the address or the credentials cannot be right.
    """
    wanted = MirrorEvents.model_validate_json(task)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    # The first process of a container is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, stop)
    say(f"Copying event files of {', '.join(wanted.stream)} from {wanted.prefix} every {wanted.interval_seconds} s.")
    mirror = Mirror(wanted)
    while not stopping.is_set():
        mirror.refresh()
        stopping.wait(wanted.interval_seconds)


class Mirror:
    """The copy, and what was said of it."""

    def __init__(self, task: MirrorEvents) -> None:
        self._task = task
        self._copy = LocalCopy(Path(task.target))
        self._told: set[str] = set()

    def refresh(self) -> None:
        """Look at the store once and copy what is new; say what cannot be copied, each trouble once."""
        troubles = Troubles()
        found = list(find_event_files(self._task, troubles))
        limits = {"max_bytes": self._task.max_bytes, "max_files": self._task.max_files}
        here = self._copy.sizes()
        choice = choose(found, here, troubles.unread, **limits)
        if here.keys() - choice.kept:
            self._remove(choice, troubles)
        copied = sum(self._take(file, choice.spare, troubles) for file in choice.files)
        if choice.left_out:
            troubles.sentences.add(self._short_of(choice.left_out))
        if copied:
            say(f"{copied} bytes are new.")
        for trouble in sorted(troubles.sentences - self._told):
            say(trouble)
        # What goes away and comes again is said again.
        self._told = troubles.sentences

    def _remove(self, choice: Choice, troubles: Troubles) -> None:
        try:
            self._copy.keep(choice.kept)
        except OSError as error:
            troubles.sentences.add(f"Files that are not shown any more cannot be removed: {error.strerror}.")

    def _take(self, found: EventFile, spare: int, troubles: Troubles) -> int:
        try:
            return self._copy.take(found, spare)
        except ChangedError:
            return 0
        except (RefusedError, UnavailableError) as error:
            troubles.sentences.add(str(error))
        except OSError as error:
            troubles.sentences.add(f"{found.path} cannot be written: {error.strerror}.")
        return 0

    def _short_of(self, left_out: tuple[str, ...]) -> str:
        more = len(left_out) - _NAMED
        named = ", ".join(path[:200] for path in left_out[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        limit = f"{self._task.max_files} files or {self._task.max_bytes} bytes"
        return f"Not all files are shown: there is room for {limit}, the newest attempts first. Left out: {named}."
