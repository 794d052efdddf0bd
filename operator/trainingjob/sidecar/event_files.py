"""Find what a TensorBoard reads among a job's artifacts: event files, and what its plugins keep beside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from trainingjob.contract.tasks import MirrorEvents
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.overlaps import without_older
from trainingjob.sidecar.remote import Remote, Wanted
from trainingjob.sidecar.remotes import open_remote
from trainingjob.sidecar.store_errors import MissingError

_ATTEMPT: Final = re.compile(r"\d{1,9}")
_REPLICA: Final = re.compile(r"[a-z]{1,16}-\d{1,9}(\.\d{1,9})?")
_EVENTS: Final = re.compile(r"(^|/)[^/]*tfevents[^/]*$")
"""TensorBoard knows an event file by its name."""
_OF_PLUGINS: Final = re.compile(r"(^|/)plugins/.|(^|/)projector_config\.pbtxt$|\.tsv$|(^|/)sprite\.png$")
"""What the profiler writes, and the projector with the words and pictures of its points."""
_LONGEST_PATH: Final = 1024
_LONGEST_NAME: Final = 255
_DEEPEST: Final = 64


@dataclass(frozen=True)
class EventFile:
    """A file that is wanted, found in a store."""

    path: str
    """Where it stands below the job's folder, and in the copy; it never leads out of it."""
    grows: bool
    """Whether it is only ever appended to."""
    remote: Remote
    wanted: Wanted


@dataclass
class Troubles:
    """What went wrong at one look at the store."""

    sentences: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    """Folders, relative to the job's, of which the store did not say what they hold; empty for that one itself."""

    def cannot_read(self, folder: str, error: Exception) -> None:
        """Note a folder that the store did not show."""
        self.sentences.add(str(error))
        self.unread.add(folder)


def find_event_files(task: MirrorEvents, troubles: Troubles) -> Iterator[EventFile]:
    """Yield the files of all attempts and replicas, the newest attempt first.

    Args:
        task: what is wanted.
        troubles: is told of each folder that could not be read and each name that is not taken.
    """
    for attempt in sorted(_folders(task, "", _ATTEMPT, troubles), key=int, reverse=True):
        for replica in sorted(_folders(task, attempt, _REPLICA, troubles)):
            for stream in task.stream:
                yield from _of_folder(task, f"{attempt}/{replica}/{stream}", troubles)


def is_safe(path: str) -> bool:
    """Say whether a path, as a stranger may have named it, stays below the folder that it is relative to."""
    parts = path.split("/")
    if len(parts) > _DEEPEST or len(path.encode(errors="surrogateescape")) > _LONGEST_PATH or "\0" in path:
        return False
    return all(
        part not in ("", ".", "..") and len(part.encode(errors="surrogateescape")) <= _LONGEST_NAME for part in parts
    )


def _folders(task: MirrorEvents, folder: str, pattern: re.Pattern[str], troubles: Troubles) -> Iterator[str]:
    try:
        names, _ = open_remote(f"{task.prefix}/{folder}/" if folder else f"{task.prefix}/", task.credentials).children()
    except (RefusedError, UnavailableError) as error:
        troubles.cannot_read(folder, error)
        return
    yield from (name for name in names if pattern.fullmatch(name))


def _of_folder(task: MirrorEvents, folder: str, troubles: Troubles) -> Iterator[EventFile]:
    try:
        remote = open_remote(f"{task.prefix}/{folder}/", task.credentials)
        found = remote.find()
    except MissingError:
        return
    except (RefusedError, UnavailableError) as error:
        troubles.cannot_read(folder, error)
        return
    for wanted in without_older(file for file in found if not file.link and _is_read(file.path)):
        path = f"{folder}/{wanted.path}"
        if is_safe(path):
            yield EventFile(path, _EVENTS.search(path) is not None, remote, wanted)
        else:
            troubles.sentences.add(f"{path[:200]!r} is no name of a file below the folder.")


def _is_read(path: str) -> bool:
    return _EVENTS.search(path) is not None or _OF_PLUGINS.search(path) is not None
