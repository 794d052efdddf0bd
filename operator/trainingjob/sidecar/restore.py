"""Bring back what an earlier attempt or job has kept, verified, so that a program goes on from its last checkpoint.

A manifest is written after its files and counts as a whole: either every file that it names is there with its digest,
or an older manifest, folder or attempt is looked at.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trainingjob.contract.tasks import RestoreArtifact
from trainingjob.sidecar.artifacts_found import Artifact, folders_of, open_artifact
from trainingjob.sidecar.disk import writable_for_all
from trainingjob.sidecar.download import DamagedError, Download, remove_below
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.remote import ChangedError
from trainingjob.sidecar.store_errors import MissingError
from trainingjob.sidecar.termination import leave_message

_STATE: Final = ".trainingjob-restore"
_LOOKS: Final = 3
"""How often a folder is looked at that a pod of a lost node may still write to."""


def run(task: str) -> None:
    """Restore the newest artifact that holds true, and say in the termination message which one; `{}` for none.

    Raises:
        RefusedError: there is none although one is required, the store may not be read, or there is no room.
        UnavailableError: the store did not answer.
    """
    todo = RestoreArtifact.model_validate_json(task)
    target = Path(todo.target)
    for uri in _folders(todo):
        restored = _restore_from(uri, todo, target)
        if restored is not None:
            leave_message(restored)
            return
    remove_below(target, frozenset())
    where = ", ".join(todo.prefixes)
    if todo.required:
        raise RefusedError(f"There is no artifact of {todo.replica} to go on from at {where}.")
    print(f"There is no artifact of {todo.replica} at {where} yet: the program starts from nothing.", flush=True)
    leave_message({})


def _folders(todo: RestoreArtifact) -> Iterator[str]:
    for prefix in todo.prefixes:
        yield from folders_of(prefix, todo.replica, todo.credentials)


def _restore_from(uri: str, todo: RestoreArtifact, target: Path) -> dict[str, object] | None:
    """Restore the newest artifact of a folder, or return None and say why not."""
    for _ in range(_LOOKS):
        try:
            for artifact in open_artifact(uri, todo.credentials, todo.logs):
                if _bring(artifact, target):
                    return {
                        "uri": uri,
                        "manifest": artifact.manifest,
                        "files": len(artifact.files),
                        "bytes": sum(file.size or 0 for file in artifact.files),
                    }
        except (ChangedError, MissingError) as error:
            print(f"{error} The folder is looked at again.", flush=True)
        else:
            return None
    return None


def _bring(artifact: Artifact, target: Path) -> bool:
    state = target / _STATE
    try:
        with writable_for_all():
            Download(f"Artifact {artifact.uri}", artifact.remote, artifact.files, target, state).run()
    except DamagedError as error:
        print(f"{error} {artifact.manifest} is passed over.", flush=True)
        return False
    shutil.rmtree(state)
    if artifact.growing:
        print(f"{artifact.growing} files that were still being written are left out.", flush=True)
    return True
