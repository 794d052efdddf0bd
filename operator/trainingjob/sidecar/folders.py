"""Copy what is mounted - a ConfigMap or a part of a claim - into the workspace."""

import os
import stat
from pathlib import Path
from typing import Final

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.tree import Tree

_CONFIG_MAP_DATA: Final = "..data"
"""The link by which the kubelet changes all files of a ConfigMap at once."""
_OF_THE_DISK: Final = "lost+found"
"""A folder that file systems make at the top of a volume."""


def copy_folder(source: Path, tree: Tree) -> None:
    """Copy files, folders and links that stay inside; everything else is refused with its name.

    Raises:
        RefusedError: no such folder, a file that cannot be read, a device, a pipe, a link that leaves, or beyond the
            limits.
    """
    if not source.is_dir():
        raise RefusedError(f"There is no folder to take the source from: nothing is mounted at {source}.")
    data = source / _CONFIG_MAP_DATA
    _copy(data.resolve() if data.is_dir() else source, "", tree)


def _copy(folder: Path, name: str, tree: Tree) -> None:
    for path in _listed(folder, name, tree):
        if not name and path.name == _OF_THE_DISK:
            continue
        whole = f"{name}/{path.name}" if name else path.name
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            tree.folder(whole)
            _copy(path, whole, tree)
        elif stat.S_ISLNK(mode):
            tree.link(whole, str(path.readlink()))
        elif stat.S_ISREG(mode):
            _copy_file(path, whole, mode, tree)
        else:
            raise tree.refusal(whole, "is a device, a pipe or a socket, which is not allowed")


def _listed(folder: Path, name: str, tree: Tree) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except PermissionError:
        raise tree.refusal(name or ".", f"cannot be read by user {os.getuid()}") from None


def _copy_file(path: Path, name: str, mode: int, tree: Tree) -> None:
    try:
        # Somebody else may have put a link or a pipe in its place by now.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise tree.refusal(name, f"cannot be read by user {os.getuid()}") from None
    with os.fdopen(file, "rb") as content:
        tree.file(name, content, executable=bool(mode & 0o100))
