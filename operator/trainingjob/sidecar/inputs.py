"""Bring a job's inputs into the pod before its program starts."""

from dataclasses import replace
from pathlib import Path

from trainingjob.contract.tasks import DownloadInputs, Input
from trainingjob.sidecar.disk import writable_for_all
from trainingjob.sidecar.download import Download
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.overlaps import without_folders
from trainingjob.sidecar.remote import Remote, Wanted
from trainingjob.sidecar.remotes import open_remote


def run(task: str) -> None:
    """Download every input of a task, one after the other, each by several threads.

    Raises:
        RefusedError: an input does not exist, may not be read, is not what it should be, or does not fit.
        UnavailableError: a server did not answer for long.
    """
    todo = DownloadInputs.model_validate_json(task)
    for wanted in todo.inputs:
        label = f"Input {wanted.name!r}"
        try:
            with writable_for_all():
                _download(wanted, label)
        except RefusedError as error:
            raise RefusedError(_told(label, error)) from error
        except UnavailableError as error:
            raise UnavailableError(_told(label, error)) from error


def _download(wanted: Input, label: str) -> None:
    target = Path(wanted.target)
    remote = open_remote(wanted.uri, wanted.credentials)
    files = _with_digest(wanted, remote, without_folders(remote.find()))
    Download(label, remote, files, target, target.parent / f".{target.name}.download").run()


def _with_digest(wanted: Input, remote: Remote, files: list[Wanted]) -> list[Wanted]:
    if not files:
        raise RefusedError(f"there is nothing at {remote.uri}.")
    if not wanted.sha256:
        return files
    if len(files) > 1:
        raise RefusedError(
            f"{remote.uri} has {len(files)} files, and a sha256 is given, which is that of a single file."
        )
    return [replace(files[0], sha256=wanted.sha256)]


def _told(label: str, error: Exception) -> str:
    return str(error) if str(error).startswith(label) else f"{label}: {error}"
