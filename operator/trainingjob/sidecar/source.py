"""Put the program's files into the workspace: from git, from an archive in a store, or from a mounted folder."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Final

from trainingjob.contract.tasks import ArchiveSource, FetchSource, FolderSource, GitSource
from trainingjob.sidecar import git
from trainingjob.sidecar.archives import extract
from trainingjob.sidecar.disk import room_for, writable_for_all
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.folders import copy_folder
from trainingjob.sidecar.git_client import show_repository
from trainingjob.sidecar.overlaps import without_folders
from trainingjob.sidecar.remote import read_steadily
from trainingjob.sidecar.remotes import open_remote
from trainingjob.sidecar.termination import leave_message
from trainingjob.sidecar.tree import Tree

_SCRATCH: Final = ".trainingjob-source"
"""A folder of the workspace for what is downloaded: it has the room, and nothing else in the pod can be written."""
_SHOWN: Final = 20


def run(task: str) -> None:
    """Fetch the source that a task asks for, check it, and say what it was in the termination message.

    The workspace is emptied first: the kubelet starts the container anew when a node was restarted.

    Raises:
        RefusedError: the source does not exist or is not right.
        UnavailableError: a server did not answer.
    """
    todo = FetchSource.model_validate_json(task)
    begun = time.monotonic()
    workspace = Path(todo.workspace)
    _empty(workspace)
    tree = Tree(workspace, _label(todo), max_bytes=todo.max_bytes, max_files=todo.max_files)
    with writable_for_all(), tree:
        answer = _fetch(todo.source, tree, workspace / _SCRATCH)
        for folder in todo.folders:
            tree.folder(folder)
    _check_entrypoint(workspace, todo.entrypoint)
    print(f"{_label(todo)}: {tree.files} files, {tree.bytes} bytes in {time.monotonic() - begun:.1f} s", flush=True)
    leave_message(answer)


def _label(todo: FetchSource) -> str:
    match todo.source:
        case GitSource(url=url, ref=ref):
            return f"The repository {show_repository(url)}" + (f" at {ref}" if ref else "")
        case ArchiveSource(uri=uri):
            return f"The archive {show_repository(uri)}"
        case FolderSource():
            return "The source"


def _empty(workspace: Path) -> None:
    """Remove what an earlier run left; the folder itself is a mount point."""
    for path in workspace.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fetch(source: GitSource | ArchiveSource | FolderSource, tree: Tree, scratch: Path) -> dict[str, object]:
    if isinstance(source, FolderSource):
        copy_folder(Path(source.folder), tree)
        return {}
    scratch.mkdir()
    try:
        if isinstance(source, GitSource):
            return {"commit": git.fetch(source, tree, scratch)}
        archive = scratch / "archive"
        digest = _download(source, archive, tree.max_bytes)
        extract(archive, tree)
        return {"uri": show_repository(source.uri), "sha256": digest}
    finally:
        shutil.rmtree(scratch)


def _download(source: ArchiveSource, path: Path, max_bytes: int) -> str:
    """Write an archive's bytes to a file and return their digest, which is the expected one."""
    remote = open_remote(source.uri, source.credentials)
    files = without_folders(remote.find())
    if len(files) != 1:
        raise RefusedError(f"The address {remote.uri} is that of {len(files)} files, and of no archive.")
    digest = hashlib.sha256()
    with room_for(remote.uri), path.open("wb") as out:
        for position, chunk in read_steadily(remote, files[0], 0, None):
            if position != out.tell():  # from the beginning, after an interruption
                out.seek(0)
                digest = hashlib.sha256()
            if position + len(chunk) > max_bytes:
                raise RefusedError(f"The archive {remote.uri} has more than {max_bytes} bytes, which is the limit.")
            digest.update(chunk)
            out.write(chunk)
        out.truncate()
    found = digest.hexdigest()
    if source.sha256 and found != source.sha256.lower():
        raise RefusedError(f"The archive {remote.uri} has the sha256 {found}, not {source.sha256}.")
    return found


def _check_entrypoint(workspace: Path, entrypoint: str) -> None:
    """Refuse a program that is not there or that lies outside, with what is there instead."""
    if not entrypoint:
        return
    file = workspace / entrypoint
    try:
        inside = file.resolve().is_relative_to(workspace.resolve())
        if inside and file.is_file():
            return
    except (OSError, RuntimeError):  # too long a name, or links in a circle
        inside = True
    if not inside:
        raise RefusedError(f"The entrypoint {entrypoint!r} leads out of the source.")
    folder = file.parent if file.parent.is_dir() else workspace
    where = "the source" if folder == workspace else repr(str(folder.relative_to(workspace)))
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())
    listed = ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
    raise RefusedError(f"The entrypoint {entrypoint[:200]!r} is no file; in {where} there is {listed or 'nothing'}.")
