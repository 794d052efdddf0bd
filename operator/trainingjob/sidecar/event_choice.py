"""Which of the files that a TensorBoard could read stand in the copy: as many as there may be, the newest attempts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from trainingjob.sidecar.event_files import EventFile
from trainingjob.sidecar.overlaps import folders_of


@dataclass(frozen=True)
class Choice:
    """What the copy is to be."""

    files: tuple[EventFile, ...]
    """Those that it has to have, the newest attempt first."""
    left_out: tuple[str, ...]
    """The paths of those for which there is no room, in the same order."""
    kept: frozenset[str]
    """What stays of what is there; all else is removed before anything is copied."""
    spare: int
    """How many bytes there may be beyond these."""


def choose(
    found: Iterable[EventFile], here: Mapping[str, int], unread: Collection[str], *, max_bytes: int, max_files: int
) -> Choice:
    """Choose so that what stays and what is copied never exceeds the limits together.

    Args:
        found: what the store has, the newest attempt first.
        here: path → bytes of what the copy has.
        unread: folders of the store, relative to the job's, of which it did not say what they hold; empty for all.
        max_bytes: how much there may be.
        max_files: how many files there may be.
    """
    files: list[EventFile] = []
    left_out: list[str] = []
    for file in found:
        size = file.wanted.size or 0
        if size <= max_bytes and len(files) < max_files:
            files.append(file)
            max_bytes -= size
        else:
            left_out.append(file.path)
    # What is here of a file that has become shorter is another file: it goes first, as it is not counted.
    kept = {file.path for file in files if here.get(file.path, 0) <= (file.wanted.size or 0)}
    max_files -= len(files)
    for path in sorted(here.keys() - {file.path for file in files} - set(left_out), key=_attempt, reverse=True):
        if here[path] <= max_bytes and max_files and _is_below(path, unread):
            kept.add(path)
            max_bytes, max_files = max_bytes - here[path], max_files - 1
    return Choice(tuple(files), tuple(left_out), frozenset(kept), max_bytes)


def _attempt(path: str) -> tuple[int, str]:
    attempt = path.partition("/")[0]
    return (int(attempt) if attempt.isdecimal() else -1, path)


def _is_below(path: str, folders: Collection[str]) -> bool:
    return "" in folders or any(folder in folders for folder in folders_of(path))
