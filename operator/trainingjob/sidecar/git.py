"""Bring one commit of a git repository into a folder, without its history and without the program git.

Everything runs in this process: no credential ever stands on a command line, in a configuration file or in a folder
`.git`, and the repository's own hooks, filters and attributes mean nothing.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from dulwich.errors import HangupException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, Tag
from dulwich.refs import Ref

from trainingjob.contract.tasks import GitSource
from trainingjob.sidecar.disk import room_for
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.git_client import open_repository, show_repository
from trainingjob.sidecar.git_errors import git_errors
from trainingjob.sidecar.git_pack import TooLargeError, check_pack
from trainingjob.sidecar.git_tree import check_out
from trainingjob.sidecar.tree import Tree

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_PAUSES: Final = (1, 2, 4, 8)
"""Seconds before a server is asked again."""
_PACK_SHARE: Final = 4
"""How much more than the workspace a whole commit may take while it is packed: a sub-path is a part of it."""
_LARGEST_OBJECT: Final = 100 * 2**20
"""In bytes; the library holds an object in memory, three times over. The large git hosts have the same limit."""
_SHOWN: Final = 10


def fetch(source: GitSource, tree: Tree, scratch: Path) -> str:
    """Write the files of a commit into a tree and return the commit's name, 40 digits.

    Args:
        source: where and what.
        tree: takes the files.
        scratch: an empty folder for what is downloaded; the caller removes it.

    Raises:
        RefusedError: no such repository, branch, tag, commit or folder, no access, or beyond the limits.
        UnavailableError: the server did not answer, however often it was asked.
    """
    shown = show_repository(source.url)
    with closing(DiskObjectStore.init(scratch / "objects")) as objects, room_for(shown):
        wanted = _patiently(lambda: _download(source, shown, objects, tree.max_bytes))
        with git_errors(shown):
            commit = _peeled(objects, wanted)
            check_out(objects, commit, source.path, tree)
    return commit.decode()


def _patiently(action: Callable[[], ObjectID]) -> ObjectID:
    for pause in _PAUSES:
        try:
            return action()
        except UnavailableError as error:
            print(f"{error} Next try in {pause} s.", flush=True)
            time.sleep(pause)
    return action()


def _download(source: GitSource, shown: str, objects: DiskObjectStore, max_bytes: int) -> ObjectID:
    """Download the objects of what is wanted, without history, and return its name."""
    chosen: list[ObjectID] = []
    received = 0

    def choose(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        del depth
        if getattr(client, "dumb", False):
            raise RefusedError(f"The server of {shown} gives files only, and does not speak git's protocol.")
        chosen[:] = [_choose(source.ref, refs, shown)]
        return chosen

    client, path = open_repository(source.url, source.credentials)
    with git_errors(shown), closing(client):
        pack, commit, abort = objects.add_pack()

        def take(data: bytes) -> int:
            nonlocal received
            received += len(data)
            if received > _PACK_SHARE * max_bytes:
                raise RefusedError(f"The commit of {shown} has more than {_PACK_SHARE * max_bytes} bytes, packed.")
            return pack.write(data)

        try:
            client.fetch_pack(path, choose, _NoHistory(), take, depth=1)
            _check_sizes(pack, min(max_bytes, _LARGEST_OBJECT), shown)
        except HangupException:
            abort()
            if not chosen or chosen[0] != source.ref.encode():
                raise
            # The library passes over the server's own words, which come before it closes the connection.
            raise RefusedError(f"The server of {shown} does not give the commit {source.ref}.") from None
        except BaseException:
            abort()
            raise
        commit()
    return chosen[0]


def _check_sizes(pack: BinaryIO, most: int, shown: str) -> None:
    pack.seek(0)
    try:
        check_pack(pack, most)
    except TooLargeError:
        raise RefusedError(
            f"The repository {shown} has a file of more than {most} bytes, which is the limit."
        ) from None
    pack.seek(0, os.SEEK_END)


class _NoHistory:
    """What we have of the repository already: nothing."""

    shallow: frozenset[ObjectID] = frozenset()

    def __next__(self) -> None:
        return None

    def ack(self, _sha: ObjectID) -> None:
        """Take an answer that never comes."""

    def nak(self) -> None:
        """Take the answer that nothing is shared."""


def _choose(ref: str, refs: Mapping[Ref, ObjectID], shown: str) -> ObjectID:
    """Return the object that a branch, a tag or a commit's name stands for; a branch comes before a tag."""
    if _COMMIT.fullmatch(ref):
        return ObjectID(ref.encode())
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref) if ref else ("HEAD",):
        found = refs.get(Ref(name.encode()))
        if found is not None and len(found) != 40:
            raise RefusedError(f"The repository {shown} names its objects by SHA-256, which is not supported.")
        if found is not None:
            return found
    raise RefusedError(_unknown(ref, refs, shown))


def _unknown(ref: str, refs: Mapping[Ref, ObjectID], shown: str) -> str:
    names = [name.decode(errors="replace").split("/", 2)[-1] for name in refs if name.startswith(b"refs/")]
    if not ref:
        return f"The repository {shown} has no default branch; give a ref."
    if re.fullmatch(r"[0-9a-f]{7,39}", ref):
        return f"The repository {shown} has no branch or tag {ref!r}; a commit has to be given with all 40 digits."
    more = ", …" if len(names) > _SHOWN else ""
    there = f"it has {', '.join(names[:_SHOWN])}{more}" if names else "it is empty"
    return f"The repository {shown} has no branch or tag {ref!r}; {there}."


def _peeled(objects: DiskObjectStore, name: ObjectID) -> ObjectID:
    """Return the commit that a name stands for: a tag with a message is an object of its own."""
    found = objects[name]
    while isinstance(found, Tag):
        name = found.object[1]
        found = objects[name]
    if found.type_name != b"commit":
        raise RefusedError(f"The object {name.decode()} of the repository is no commit.")
    return name
