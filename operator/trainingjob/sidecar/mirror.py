"""Keep a copy of a job's event files beside a TensorBoard, while the job runs and after its end.

TensorBoard opens an event file once and reads on where it was: a file that is replaced by a longer one shows nothing
new until TensorBoard is started anew. So what grows in the store grows here as well, in the same file.
"""

import signal
import threading
from pathlib import Path
from types import FrameType

from trainingjob.contract.tasks import MirrorEvents
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.event_files import EventFile, find_event_files
from trainingjob.sidecar.local_copy import LocalCopy
from trainingjob.sidecar.log import say
from trainingjob.sidecar.remote import ChangedError


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
        room, files, copied = self._task.max_bytes, self._task.max_files, 0
        left_out = 0
        troubles: set[str] = set()
        for found in find_event_files(self._task, troubles.add):
            size = found.wanted.size or 0
            if size > room or not files:
                left_out += 1
                continue
            room, files = room - size, files - 1
            copied += self._take(found, troubles)
        if left_out:
            limit = f"{self._task.max_files} files or {self._task.max_bytes} bytes"
            troubles.add(f"Not all files are shown: those of earlier attempts that go beyond {limit} are left out.")
        if copied:
            say(f"{copied} bytes are new.")
        for trouble in sorted(troubles - self._told):
            say(trouble)
        # What goes away and comes again is said again.
        self._told = troubles

    def _take(self, found: EventFile, troubles: set[str]) -> int:
        try:
            return self._copy.take(found)
        except ChangedError:
            return 0
        except (RefusedError, UnavailableError) as error:
            troubles.add(str(error))
        except OSError as error:
            troubles.add(f"{found.path} cannot be written: {error.strerror}.")
        return 0
