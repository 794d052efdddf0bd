"""What a program leaves: the sidecar that uploads it, and the folders in which it is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainingjob.api.job import TrainingJob
from trainingjob.api.outputs import Outputs, UploadingReplicas
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.contract import names
from trainingjob.contract.tasks import UploadArtifacts
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.model import Manifest, Replica
from trainingjob.plan.own_containers import (
    Attachment,
    as_sidecar,
    claim,
    credentials,
    mounts_of,
    own_container,
    plain_variables,
    proxy_variables,
    scratch,
)
from trainingjob.plan.workspace import WORKSPACE_VOLUME, working_dir

_USE = "outputs"
_MESSAGES = 12 * 1024
"""The bytes of termination messages that the kubelet keeps of a pod: each container's share is the same."""
_LONGEST_MESSAGE = 4096
_FOREIGN = 2
"""How many containers others may add to a pod before the report becomes too long."""
_STATE = scratch("state", names.STATE)
_METRICS_PORT: Manifest = {"name": names.METRICS_PORT_NAME, "containerPort": names.METRICS_PORT}


@dataclass(frozen=True, slots=True)
class Uploads:
    """Which replicas of a job upload what they write, and where to."""

    job: TrainingJob
    outputs: Outputs | None
    """None: nothing is kept."""
    primary: Replica
    """The replica whose files are kept where not all are."""
    stop_grace_seconds: int

    def uploads(self, replica: Replica) -> bool:
        """Say whether a replica's pod has the sidecar."""
        outputs = self.outputs
        return outputs is not None and (outputs.replicas is UploadingReplicas.ALL or replica == self.primary)

    @property
    def flush_seconds(self) -> int:
        """Return how long an upload may take after the program's end."""
        return self.outputs.flush_seconds if self.outputs else 0

    def stop_grace(self, replica: Replica) -> int:
        """Return the seconds that a replica's pod gets to end."""
        return self.stop_grace_seconds + (self.flush_seconds if self.uploads(replica) else 0)

    def artifact_prefix(self, replica: Replica, attempt: int) -> str:
        """Return where a replica's artifact stands, by its name for everybody; empty where it has none."""
        if self.outputs is None or not self.uploads(replica):
            return ""
        return f"{public_base(self.job, self.outputs)}/{artifact_folder(self.job, replica, attempt)}"


def plan_uploads(job: TrainingJob, spec: TrainingJobSpec, primary: Replica, replicas: Sequence[Replica]) -> Uploads:
    """Return which replicas of a job upload; `primary` is the one whose end decides."""
    if spec.mpi is not None and not spec.mpi.launcher_runs_worker:
        # Such a launcher runs no rank and writes nothing: rank 0 is on worker 0.
        primary = next(replica for replica in replicas if replica.role is Role.WORKER)
    return Uploads(job, spec.outputs, primary, spec.stop_grace_seconds)


def add_kept_folders(pods: RolePods) -> tuple[Addition, ...]:
    """Return the folders that are kept, as the program of any replica finds them."""
    outputs, spec = pods.spec.outputs, pods.spec
    if outputs is None:
        return ()
    base = working_dir(spec)
    variables = {
        f"TRAININGJOB_{kind}": f"{base}/{folders[0]}"
        for kind, folders in (("OUTPUTS", outputs.paths), ("LOGS", outputs.stream))
        if folders
    }
    variables[names.METRICS_VARIABLE] = f"{base}/{metrics_file(outputs)}"
    # Only without a source, which has the whole volume: programs rename from one folder to another.
    apart = () if spec.source else kept_folders(spec)
    volume = WORKSPACE_VOLUME.volume
    mounts = tuple({"name": volume["name"], "mountPath": f"{base}/{path}", "subPath": path} for path in apart)
    return (Addition(volumes=(volume,), mounts=mounts, variables=plain_variables(variables)),)


def add_uploads(pods: RolePods, uploads: Uploads, others: int) -> tuple[Addition, ...]:
    """Return the sidecar of the replicas that upload; `others` is how many containers their pods have besides it."""
    outputs = uploads.outputs
    if outputs is None:
        return ()
    needed = needed_for_outputs(outputs, read_only=False)
    workspace = {**WORKSPACE_VOLUME.mount, "readOnly": True}
    mounts = [workspace, _STATE.mount, *mounts_of(needed)]

    def sidecar(replica: Replica, attempt: int) -> Manifest | None:
        if not uploads.uploads(replica):
            return None
        task = UploadArtifacts(
            prefix=f"{store_base(outputs)}/{artifact_folder(pods.job, replica, attempt)}",
            uri=uploads.artifact_prefix(replica, attempt),
            workspace=names.WORKSPACE,
            paths=tuple(outputs.paths),
            stream=tuple(outputs.stream),
            interval_seconds=outputs.interval,
            pod=replica.pod,
            attempt=attempt,
            credentials=needed[-1].path if outputs.secret_ref else "",
            state=names.STATE,
            report_bytes=min(_LONGEST_MESSAGE, _MESSAGES // (others + 1 + _FOREIGN)),
            grace_seconds=outputs.flush_seconds,
            metrics=metrics_file(outputs),
            metrics_port=names.METRICS_PORT,
        )
        variables = proxy_variables(pods.chosen.env)
        container = own_container(names.UPLOAD_ARTIFACTS, pods.own_image, task, mounts, variables)
        return as_sidecar({**container, "ports": [_METRICS_PORT]})

    own = (_STATE.volume, *(attachment.volume for attachment in needed))
    return (
        Addition(
            replica_volumes=lambda replica: own if uploads.uploads(replica) else (), container=sidecar, beside=True
        ),
    )


def kept_folders(spec: TrainingJobSpec) -> tuple[str, ...]:
    """Return the folders that are kept, relative to the working directory."""
    return (*spec.outputs.paths, *spec.outputs.stream) if spec.outputs else ()


def metrics_file(outputs: Outputs) -> str:
    """Return the file of metrics, relative to the working directory: where it is kept as early as anything is."""
    return f"{(*outputs.stream, *outputs.paths)[0]}/{names.METRICS_FILE}"


def run_folder(namespace: str, job: str, uid: str) -> str:
    """Return the folder of a job below the address of its outputs; in it each attempt has one."""
    return f"{namespace}/{job}/{uid}"


def artifact_folder(job: TrainingJob, replica: Replica, attempt: int) -> str:
    """Return the folder of one replica and attempt below the same."""
    return f"{run_folder(job.namespace, job.name, job.uid)}/{attempt}/{replica_name(replica)}"


def replica_name(replica: Replica) -> str:
    """Return what a replica is called in a store and in a status: `worker-0`."""
    return f"{replica.role.value}-{replica.index}"


def store_base(outputs: Outputs) -> str:
    """Return the address of a job's outputs as a container of ours finds it, without a `/` at its end."""
    if outputs.pvc is None:
        return (outputs.uri or "").rstrip("/")
    return f"file://{names.STORES}/{_USE}{_below(outputs)}"


def public_base(job: TrainingJob, outputs: Outputs) -> str:
    """Return the same as everybody may find it: a claim is `pvc://<namespace>/<claim>/<path>`."""
    if outputs.pvc is None:
        return store_base(outputs)
    return f"pvc://{job.namespace}/{outputs.pvc.claim_name}{_below(outputs)}"


def _below(outputs: Outputs) -> str:
    path = outputs.pvc.path if outputs.pvc else None
    return f"/{path.strip('/')}" if path else ""


def outputs_claim(outputs: Outputs, *, read_only: bool) -> Attachment | None:
    """Return the claim in which outputs are kept; None where it is another store."""
    return claim(_USE, outputs.pvc.claim_name, read_only=read_only) if outputs.pvc else None


def needed_for_outputs(outputs: Outputs, *, read_only: bool) -> tuple[Attachment, ...]:
    """Return what a container of ours mounts for a job's outputs: a claim, or the store's credentials as the last."""
    secret = credentials(_USE, outputs.secret_ref.name) if outputs.secret_ref else None
    return tuple(item for item in (outputs_claim(outputs, read_only=read_only), secret) if item)
