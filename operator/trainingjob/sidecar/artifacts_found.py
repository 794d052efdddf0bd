"""Find artifacts in a store: folders of replicas in folders of attempts, and in them manifests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from trainingjob.contract.manifest import NAME, Manifest, ManifestFile
from trainingjob.contract.names import CAPTURED_FILE, METRICS_FILE
from trainingjob.sidecar.remote import Remote, Wanted, read_steadily, stamp
from trainingjob.sidecar.remotes import open_remote

_CAPTURED: Final = CAPTURED_FILE.removesuffix(".log")
"""How the names of all files begin that hold what a program has printed."""
_LARGEST_MANIFEST: Final = 64 * 2**20
_NUMBER: Final = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class Artifact:
    """What a manifest says, found in a store with the sizes that it says."""

    uri: str
    remote: Remote
    manifest: str
    """The manifest's name."""
    files: tuple[Wanted, ...]
    growing: int
    """How many files the program still wrote to; they are not among `files`."""


def folders_of(prefix: str, replica: str, credentials: str) -> Iterator[str]:
    """Yield the folders that may hold an artifact of a replica, the newest first.

    Args:
        prefix: the folder of an artifact or of an attempt, or with `/*` at its end the folder of all attempts.
        replica: whose artifact is wanted of an attempt.
        credentials: a folder, or empty.
    """
    if not prefix.endswith("/*"):
        yield from _of_attempt(prefix, replica, credentials)
        return
    above = prefix.removesuffix("/*")
    folders, _ = open_remote(f"{above}/", credentials).children()
    for attempt in sorted((int(name) for name in folders if _NUMBER.fullmatch(name)), reverse=True):
        yield from _of_attempt(f"{above}/{attempt}", replica, credentials)


def _of_attempt(prefix: str, replica: str, credentials: str) -> Iterator[str]:
    folders, files = open_remote(f"{prefix}/", credentials).children()
    if any(NAME.match(name) for name in files):
        yield prefix
        return
    successor = re.compile(rf"{re.escape(replica)}(?:\.(\d{{1,9}}))?")
    found = [(int(match[1] or 0), name) for name in folders if (match := successor.fullmatch(name))]
    for _, name in sorted(found, reverse=True):
        yield f"{prefix}/{name}"


def open_artifact(uri: str, credentials: str, logs: str) -> Iterator[Artifact]:
    """Yield what the manifests of a folder say, the newest first, if the store has files of those sizes.

    Args:
        uri: the artifact's folder.
        credentials: a folder, or empty.
        logs: a folder whose files alone are no reason to take an artifact; empty for none.
    """
    remote = open_remote(f"{uri}/", credentials)
    _, names = remote.children()
    manifests = sorted((int(match[1]), name) for name in names if (match := NAME.match(name)))
    if not manifests:
        return
    there = {file.path: file for file in remote.find()}
    for _, name in reversed(manifests):
        manifest = _read_manifest(remote, there.get(name), f"{uri}/{name}")
        artifact = manifest and _artifact(manifest, Artifact(uri, remote, name, (), 0), there)
        if artifact and _is_useful(artifact, logs):
            yield artifact


def _read_manifest(remote: Remote, file: Wanted | None, shown: str) -> Manifest | None:
    if file is None or (file.size or 0) > _LARGEST_MANIFEST:
        print(f"{shown} is passed over: it is gone or far too large.", flush=True)
        return None
    content = b"".join(chunk for _, chunk in read_steadily(remote, file, 0, None))
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        print(f"{shown} is passed over: it is no manifest ({error.error_count()} errors).", flush=True)
        return None


def _artifact(manifest: Manifest, empty: Artifact, there: dict[str, Wanted]) -> Artifact | None:
    """Return the artifact with the files that the store has, or None when one is missing or has another size."""
    finished = [file for file in manifest.files if not file.growing]
    for file in finished:
        found = there.get(file.path)
        if found is None or found.size != file.size:
            size = "is not there" if found is None else f"has {found.size} and not {file.size} bytes"
            print(f"{empty.uri}/{empty.manifest} is passed over: {file.path!r} {size}.", flush=True)
            return None
    files = tuple(_wanted(there[file.path], file) for file in finished)
    return replace(empty, files=files, growing=len(manifest.files) - len(finished))


def _wanted(found: Wanted, file: ManifestFile) -> Wanted:
    """Return the file as it is wanted: known again by its digest, whatever the store's own version of it."""
    try:
        seconds = datetime.fromisoformat(file.mtime).timestamp()
    except (ValueError, OverflowError):
        seconds = 0
    return replace(found, sha256=file.sha256, stamp=stamp(seconds, file.sha256))


def _is_log(path: str) -> bool:
    # Of another job, whose folder of logs has another name, or without one, beside what a program goes on from.
    name = path.rpartition("/")[2]
    return name == METRICS_FILE or (name.startswith(_CAPTURED) and name.endswith(".log"))


def _is_useful(artifact: Artifact, logs: str) -> bool:
    folder = f"{logs}/" if logs else None
    if any(not (folder and file.path.startswith(folder)) and not _is_log(file.path) for file in artifact.files):
        return True
    what = "has no files" if not artifact.files else "has nothing but logs"
    print(f"{artifact.uri}/{artifact.manifest} is passed over: it {what}.", flush=True)
    return False
