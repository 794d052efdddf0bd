"""Look for the files of an artifact below the workspace, without ever following a link out of it.

The program may exchange a folder for a link at any time, and the uploading sidecar can read what the program may not:
its own credentials. So whatever is opened is opened one folder after the other, and a link on the way is an error.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trainingjob.contract import manifest

_TEMPORARY: Final = re.compile(r"^\.|~$|\.(tmp|temp|part|partial|swp|lock)$|\.(tmp|tempstate)[0-9a-f]+$", re.IGNORECASE)
"""Names under which programs write what they rename at the end: editors, rsync, TensorFlow's checkpoints."""
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f]")
_OWNER: Final = "owner.json"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file does."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Found:
    """A file that belongs to the artifact."""

    path: str
    """Its name in the artifact, relative to the workspace."""
    source: str
    """Where its bytes are, relative to the workspace: another place than `path` for a link."""
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that lay in the artifact's folders and is not part of it."""

    path: str
    text: str
    loses: bool
    """Whether the artifact is incomplete for it; a link or a socket has no bytes of its own."""


@dataclass
class Scan:
    """What one look at the folders found."""

    files: dict[str, Found] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def stamp_of(found: os.stat_result) -> Stamp:
    """Return what says whether a file has changed."""
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


def is_temporary(path: str) -> bool:
    """Say whether a file is likely to get another name soon, by its own name or that of one of its folders."""
    return any(_TEMPORARY.search(part) for part in path.split("/"))


def scan(workspace: Path, folders: Sequence[str], *, temporary: bool) -> Scan:
    """Return the files below some folders of the workspace; a folder that is not there holds none.

    Args:
        workspace: the folder to which all paths are relative.
        folders: the folders whose files are wanted, relative to the workspace.
        temporary: whether files with temporary names are wanted as well.
    """
    result = Scan()
    roots = [os.path.normpath(folder) for folder in folders]
    for root in roots:
        pending = [root]
        while pending:
            pending += _look(workspace, pending.pop(), roots, result, temporary=temporary)
    return result


def open_beneath(workspace: Path, path: str) -> int:
    """Return a descriptor of a regular file below the workspace, for reading.

    Raises:
        OSError: when it cannot be read; with ELOOP or ENOTDIR when a link stands in its path.
    """
    folder, _, name = path.rpartition("/")
    parent = _open_folder(workspace, folder)
    try:
        # A named pipe would wait here for somebody to write.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=parent)
    finally:
        os.close(parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def _open_folder(workspace: Path, path: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(workspace, flags)
    for part in path.split("/"):
        if part in ("", "."):
            continue
        parent = descriptor
        try:
            descriptor = os.open(part, flags | os.O_NOFOLLOW, dir_fd=parent)
        finally:
            os.close(parent)
    return descriptor


def _look(workspace: Path, folder: str, roots: Sequence[str], result: Scan, *, temporary: bool) -> Iterator[str]:
    """Add what stands in one folder to the result and yield the folders in it."""
    try:
        descriptor = _open_folder(workspace, folder)
    except OSError as error:
        if error.errno != errno.ENOENT:
            result.problems.append(Problem(folder, f"The folder cannot be read: {error.strerror}.", loses=True))
        return
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = entry.name if folder == "." else f"{folder}/{entry.name}"
                if path in result.files or (is_temporary(entry.name) and not temporary):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield path
                else:
                    _judge(workspace, entry, path, roots, result)
    finally:
        os.close(descriptor)


def _judge(workspace: Path, entry: "os.DirEntry[str]", path: str, roots: Sequence[str], result: Scan) -> None:
    """Add something that is no folder to the result, as a file or as a problem."""
    try:
        seen = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if problem := _unfit_name(path):
        result.problems.append(problem)
    elif stat.S_ISREG(seen.st_mode):
        result.files[path] = Found(path, path, stamp_of(seen))
    elif stat.S_ISLNK(seen.st_mode):
        _follow(workspace, path, roots, result)
    else:
        result.problems.append(Problem(path, "It is no file: a pipe, a socket or a device.", loses=False))


def _unfit_name(path: str) -> Problem | None:
    shown = path.encode(errors="backslashreplace").decode()
    if shown != path:
        return Problem(shown, "Its name is not UTF-8, so that no store takes it.", loses=True)
    if _UNFIT.search(path):
        return Problem(repr(path)[1:-1], "Its name has a control character, so that no store takes it.", loses=True)
    if path == _OWNER or manifest.NAME.match(path):
        return Problem(path, "Its name is one that the artifact needs for itself.", loses=True)
    return None


def _follow(workspace: Path, path: str, roots: Sequence[str], result: Scan) -> None:
    """Take a link to a file of the artifact for a copy of that file; leave out every other one."""
    target = os.path.relpath(os.path.realpath(workspace / path), os.path.realpath(workspace))
    if not any(root == "." or target == root or target.startswith(f"{root}/") for root in roots) or target[:2] == "..":
        text = "It is a link that leads out of the artifact's folders."
    else:
        try:
            seen = (workspace / target).lstat()
        except OSError:
            text = "It is a link to something that is not there."
        else:
            if stat.S_ISREG(seen.st_mode):
                result.files[path] = Found(path, target, stamp_of(seen))
                return
            text = "It is a link to a folder; what is in there is kept under its own name."
    result.problems.append(Problem(path, text, loses=False))
