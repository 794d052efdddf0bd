"""Data that a program reads: volumes that are mounted, and a container that downloads the rest."""

from trainingjob.api.inputs import Input
from trainingjob.contract import names
from trainingjob.contract.tasks import DownloadInputs
from trainingjob.contract.tasks import Input as Download
from trainingjob.plan.accelerators import runs_the_program
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.model import Manifest
from trainingjob.plan.own_containers import (
    Attachment,
    claim,
    credentials,
    csi_volume,
    mounts_of,
    own_container,
    plain_variables,
    proxy_variables,
    scratch,
)

_DOWNLOADS = scratch("inputs", names.INPUTS)


def add_inputs(pods: RolePods) -> tuple[Addition, ...]:
    """Return what brings the inputs into the pods of a role, and tells their program where they are."""
    inputs = pods.spec.inputs or ()
    mounted = [item for item in inputs if item.mounted]
    downloaded = [item for item in inputs if not item.mounted]
    # A launcher that runs no rank has no use for the data; its command line may still name it.
    wanted = downloaded if runs_the_program(pods.spec, pods.role) else []
    told = Addition(variables=plain_variables({item.variable: _path(item) for item in inputs}))
    return (
        *([told] if inputs else []),
        *(_mount(item) for item in mounted),
        *([_download(pods, wanted)] if wanted else []),
    )


def _path(item: Input) -> str:
    """Return where the program finds an input."""
    if item.path:
        return item.path
    part = item.pvc.path if item.mounted and item.pvc else None
    return f"{names.INPUTS}/{item.name}/{part.rstrip('/')}" if part else f"{names.INPUTS}/{item.name}"


def _use(item: Input) -> str:
    return f"input-{item.name}"


def _mount(item: Input) -> Addition:
    if item.csi:
        driven = csi_volume(_use(item), item.csi)
        return Addition((driven.volume,), mounts=({**driven.mount, "mountPath": _path(item)},))
    attached = _claim(item)
    if not item.path:
        # All of the claim: the kubelet would make a part that is not there, and the program could not miss it.
        return Addition((attached.volume,), mounts=({**attached.mount, "mountPath": f"{names.INPUTS}/{item.name}"},))
    part = {"subPath": item.pvc.path} if item.pvc and item.pvc.path else {}
    return Addition((attached.volume,), mounts=({**attached.mount, "mountPath": item.path, **part},))


def _download(pods: RolePods, items: list[Input]) -> Addition:
    needed = [attachment for item in items for attachment in _needed(item)]
    task = DownloadInputs(inputs=tuple(_told(item) for item in items))
    mounts = [_DOWNLOADS.mount, *mounts_of(needed)]
    container = own_container(names.DOWNLOAD_INPUTS, pods.own_image, task, mounts, proxy_variables(pods.chosen.env))
    return Addition(
        volumes=(_DOWNLOADS.volume, *(attachment.volume for attachment in needed)),
        mounts=tuple(_downloaded(item) for item in items),
        container=lambda _replica, _attempt: container,
    )


def _downloaded(item: Input) -> Manifest:
    # Each for itself: a claim cannot be mounted within a folder that is read-only.
    return {**_DOWNLOADS.mount, "mountPath": _path(item), "subPath": item.name, "readOnly": True}


def _told(item: Input) -> Download:
    return Download(
        name=item.name,
        uri=_source(item),
        sha256=item.sha256 or "",
        target=f"{names.INPUTS}/{item.name}",
        credentials=credentials(_use(item), item.secret_ref.name).path if item.secret_ref else "",
    )


def _source(item: Input) -> str:
    if item.pvc is None:
        return item.uri or ""
    return f"file://{_claim(item).path}/{item.pvc.path or ''}"


def _needed(item: Input) -> tuple[Attachment, ...]:
    if item.pvc is not None:
        return (_claim(item),)
    return (credentials(_use(item), item.secret_ref.name),) if item.secret_ref else ()


def _claim(item: Input) -> Attachment:
    return claim(_use(item), item.pvc.claim_name if item.pvc else "", read_only=True)
