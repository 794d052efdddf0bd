"""Write the files of a git commit into a folder, as they were committed."""

import os
import stat
from io import BytesIO
from typing import Final

from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, TreeEntry
from dulwich.objects import Tree as GitTree

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.tree import Tree

_SUBMODULE: Final = 0o160000
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER: Final = 1024
_LONGEST_LINK: Final = 4096
_SHOWN: Final = 5


def check_out(objects: DiskObjectStore, commit: ObjectID, path: str, tree: Tree) -> None:
    """Write the files below a folder of a commit; what git keeps elsewhere is left out, and the log says so.

    A submodule becomes an empty folder, a file of Git LFS its pointer.
    """
    root = objects[commit]
    if not isinstance(root, Commit):
        raise TypeError(type(root).__name__)
    checkout = _CheckOut(objects, tree)
    checkout.write(_below(objects, root.tree, path), "")
    checkout.tell()


def _below(objects: DiskObjectStore, tree: ObjectID, path: str) -> ObjectID:
    for part in (part for part in path.split("/") if part not in ("", ".")):
        entries = {entry.path: entry for entry in _entries(objects, tree)}
        found = entries.get(os.fsencode(part))
        if found is None or not stat.S_ISDIR(found.mode):
            there = ", ".join(sorted(os.fsdecode(name) for name in entries)[:20])
            raise RefusedError(f"The commit has no folder {path!r}: {part!r} is not among {there}.")
        tree = found.sha
    return tree


def _entries(objects: DiskObjectStore, tree: ObjectID) -> list[TreeEntry]:
    found = objects[tree]
    if not isinstance(found, GitTree):
        raise RefusedError(f"The object {tree.decode()} of the repository is no folder.")
    return list(found.iteritems())


class _CheckOut:
    def __init__(self, objects: DiskObjectStore, tree: Tree) -> None:
        self._objects = objects
        self._tree = tree
        self._submodules: list[str] = []
        self._pointers: list[str] = []

    def write(self, folder: ObjectID, name: str) -> None:
        """Write what a folder holds, and what its folders hold; the tree's limits bound both."""
        for entry in _entries(self._objects, folder):
            part = os.fsdecode(entry.path)
            whole = f"{name}/{part}" if name else part
            if "/" in part or part.lower() == ".git":
                raise self._tree.refusal(whole, "is no name that git allows")
            if stat.S_ISDIR(entry.mode):
                self._tree.folder(whole)
                self.write(entry.sha, whole)
            elif entry.mode == _SUBMODULE:
                self._tree.folder(whole)
                self._submodules.append(whole)
            else:
                self._write_file(entry.mode, entry.sha, whole)

    def _write_file(self, mode: int, sha: ObjectID, name: str) -> None:
        blob = self._objects[sha]
        if not isinstance(blob, Blob):
            raise self._tree.refusal(name, "is no file")
        content = blob.as_raw_string()
        if stat.S_ISLNK(mode):
            self._tree.link(name, os.fsdecode(content[:_LONGEST_LINK]))
            return
        if len(content) < _LONGEST_POINTER and content.startswith(_LFS):
            self._pointers.append(name)
        self._tree.file(name, BytesIO(content), executable=bool(mode & 0o100))

    def tell(self) -> None:
        """Print what was left out."""
        if self._submodules:
            print(f"Submodules are left empty: {_some(self._submodules)}.", flush=True)
        if self._pointers:
            print(f"Files of Git LFS are left as pointers, without content: {_some(self._pointers)}.", flush=True)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
