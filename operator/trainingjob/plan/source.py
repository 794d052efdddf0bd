"""Code that is not in the image: a container that fetches it, and the volume in which the program finds it."""

from trainingjob.api.source import MODULE, Source
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.contract import names
from trainingjob.contract.tasks import ArchiveSource, FetchSource, FolderSource, GitSource
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.model import Manifest
from trainingjob.plan.own_containers import (
    Attachment,
    claim,
    credentials,
    mounts_of,
    own_container,
    proxy_variables,
)
from trainingjob.plan.volumes import own_volume_name
from trainingjob.plan.workspace import WORKSPACE_VOLUME

_USE = "source"
_GIT_MEMORY = "1Gi"
"""The library holds a file of a repository in memory, and what it differs from: several times 100 MiB at the most."""


def add_source(pods: RolePods, folders: tuple[str, ...]) -> tuple[Addition, ...]:
    """Return what fetches the source; `folders` are made in the workspace besides."""
    if pods.spec.source is None:
        return ()
    task_source, needed = _fetched(pods.spec.source)
    task = FetchSource(
        source=task_source, workspace=names.WORKSPACE, folders=folders, entrypoint=_checked_file(pods.spec)
    )
    mounts = [WORKSPACE_VOLUME.mount, *mounts_of(needed)]
    memory = {"memory": _GIT_MEMORY} if pods.spec.source.git else {}
    variables = proxy_variables(pods.chosen.env)
    container = own_container(names.FETCH_SOURCE, pods.own_image, task, mounts, variables, **memory)
    return (
        Addition(
            volumes=(WORKSPACE_VOLUME.volume, *(attachment.volume for attachment in needed)),
            mounts=(WORKSPACE_VOLUME.mount,),
            container=lambda _replica, _attempt: container,
        ),
    )


def _fetched(source: Source) -> tuple[GitSource | ArchiveSource | FolderSource, tuple[Attachment, ...]]:
    """Return what is to be fetched, and what has to be mounted for it."""
    reference = (source.git and source.git.secret_ref) or (source.archive and source.archive.secret_ref)
    secret = (credentials(_USE, reference.name),) if reference else ()
    folder = secret[0].path if secret else ""
    if source.git is not None:
        git = source.git
        return GitSource(url=git.url, ref=git.ref or "", path=git.path or "", credentials=folder), secret
    if source.archive is not None:
        archive = source.archive
        return ArchiveSource(uri=archive.uri, sha256=archive.sha256 or "", credentials=folder), secret
    mounted = _config_map(source) if source.config_map else _claim(source)
    path = source.pvc.path if source.pvc else None
    return FolderSource(folder=f"{mounted.path}/{path}" if path else mounted.path), (mounted,)


def _claim(source: Source) -> Attachment:
    return claim(_USE, source.pvc.claim_name if source.pvc else "", read_only=True)


def _config_map(source: Source) -> Attachment:
    content: Manifest = source.config_map.manifest() if source.config_map else {}
    name = own_volume_name(f"config-map-{_USE}")
    return Attachment(
        {"name": name, "configMap": content},
        {"name": name, "mountPath": f"{names.STORES}/{_USE}", "readOnly": True},
    )


def _checked_file(spec: TrainingJobSpec) -> str:
    entrypoint = spec.entrypoint or ""
    return "" if entrypoint.startswith(MODULE) else entrypoint
