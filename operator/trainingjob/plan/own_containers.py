"""The containers that the operator adds to a pod, all of one image: what each may do, and what it is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trainingjob.api.pod_fields import EnvVar
from trainingjob.api.volumes import CSIData
from trainingjob.contract import names
from trainingjob.contract.tasks import Task
from trainingjob.plan.model import Manifest
from trainingjob.plan.volumes import own_volume_name

SIDECAR_ID: Final = 65532
"""The user and group of the uploading sidecar: another than the program's, which could read its memory otherwise."""

_REQUESTS: Final = {"cpu": "50m", "memory": "64Mi"}
_MEMORY: Final = "256Mi"
CONFINED: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A volume and where it stands in the one container that needs it."""

    volume: Manifest
    mount: Manifest

    @property
    def path(self) -> str:
        """Return the folder in the container."""
        return str(self.mount["mountPath"])


def scratch(name: str, path: str) -> Attachment:
    """Return an empty folder that lives as long as the pod."""
    volume = own_volume_name(name)
    return Attachment({"name": volume, "emptyDir": {}}, {"name": volume, "mountPath": path})


def credentials(use: str, secret: str) -> Attachment:
    """Return a Secret whose keys are the files of one use, such as `source`."""
    volume = own_volume_name(f"credentials-{use}")
    # The group of a volume depends on the job's security; nobody but this container mounts it.
    mounted = {"secret": {"secretName": secret, "defaultMode": 0o444}}
    return Attachment(
        {"name": volume, **mounted}, {"name": volume, "mountPath": f"{names.CREDENTIALS}/{use}", "readOnly": True}
    )


def claim(use: str, claim_name: str, *, read_only: bool) -> Attachment:
    """Return the whole of a claim for one use, such as `outputs`."""
    volume = own_volume_name(f"claim-{use}")
    flags = {"readOnly": True} if read_only else {}
    # The mount alone is read-only: a claim that is said to be read-only cannot be written by another container.
    return Attachment(
        {"name": volume, "persistentVolumeClaim": {"claimName": claim_name}},
        {"name": volume, "mountPath": f"{names.STORES}/{use}", **flags},
    )


def csi_volume(use: str, data: CSIData) -> Attachment:
    """Return the volume that a CSI driver makes for one use, such as `input-train`."""
    volume = own_volume_name(f"csi-{use}")
    # Some drivers refuse a volume that is not said to be read-only, others look at nothing but the mount.
    return Attachment(
        {"name": volume, "csi": {**data.manifest(), "readOnly": True}},
        {"name": volume, "mountPath": f"{names.STORES}/{use}", "readOnly": True},
    )


def own_container(
    name: str,
    image: str,
    task: Task,
    mounts: Iterable[Manifest],
    variables: Iterable[Manifest],
    memory: str = _MEMORY,
) -> Manifest:
    """Return an init container of ours, which runs as the pod's user and does one task in so much memory at most."""
    return {
        "name": name,
        "image": image,
        # Nothing of a folder that is mounted counts as code of ours.
        "command": ["python", "-P", "-m", "trainingjob.sidecar", name],
        "env": [
            task_variable(task),
            {"name": names.POD_UID_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            # The user may have no entry in /etc/passwd, and tools such as git want a home.
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 - the container's own
            *variables,
        ],
        "resources": {"requests": _REQUESTS, "limits": {"memory": memory}},
        "securityContext": CONFINED,
        "volumeMounts": list(mounts),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def task_variable(task: Task) -> Manifest:
    """Return the variable that tells a container its task."""
    # Kubernetes would replace `$(NAME)` in a value; in JSON a dollar can be written so that it does not see one.
    return {"name": names.TASK_VARIABLE, "value": task.model_dump_json().replace("$", "\\u0024")}


def as_sidecar(container: Manifest) -> Manifest:
    """Return an own container as one that runs beside the program, under a user of its own, and ends after it."""
    user = {"runAsNonRoot": True, "runAsUser": SIDECAR_ID, "runAsGroup": SIDECAR_ID}
    return {**container, "restartPolicy": "Always", "securityContext": {**CONFINED, **user}}


def proxy_variables(env: Iterable[EnvVar]) -> tuple[Manifest, ...]:
    """Return those of the user's variables that say through which proxy a network is left."""
    return tuple(item.manifest() for item in env if item.name.upper() in _PROXIES and item.value is not None)


def mounts_of(attachments: Iterable[Attachment]) -> list[Manifest]:
    """Return where attachments stand."""
    return [attachment.mount for attachment in attachments]


def plain_variables(values: Mapping[str, str]) -> tuple[Manifest, ...]:
    """Return variables as they stand in a container."""
    return tuple({"name": name, "value": value} for name, value in values.items())
