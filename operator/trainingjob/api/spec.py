"""What a job asks for. Every field here works; a field that does not work yet is not here."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.constants import MANAGED_BY
from trainingjob.api.environment import Environment
from trainingjob.api.failure_policy import FailurePolicy
from trainingjob.api.framework import Framework
from trainingjob.api.gang import Gang
from trainingjob.api.inputs import Input
from trainingjob.api.lists import ATOMIC, list_map
from trainingjob.api.outputs import Outputs
from trainingjob.api.pod_fields import (
    Annotations,
    DNSConfig,
    EnvFromSource,
    EnvVar,
    Labels,
    Name,
    NameReference,
    Quantity,
    Resources,
    SecurityContext,
    Toleration,
    Words,
)
from trainingjob.api.process_strategies import Mpi, Replicas, Torch
from trainingjob.api.resume import ResumeFrom
from trainingjob.api.roles import Role as Role  # noqa: PLC0414 - the whole vocabulary is found here
from trainingjob.api.scheduling import Affinity, TopologySpread
from trainingjob.api.source import Entrypoint, Source
from trainingjob.api.tensorboard import TensorBoard
from trainingjob.api.volumes import Volume, VolumeMount

Image = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
Env = Annotated[list[EnvVar], Field(max_length=256), list_map("name")]
Tolerations = Annotated[list[Toleration], Field(max_length=64), ATOMIC]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seconds = Annotated[int, Field(ge=0, le=2**31 - 1)]
Deadline = Annotated[int, Field(ge=1, le=2**31 - 1)]
ManagedBy = Annotated[str, Field(max_length=63)]


class SuccessPolicy(StrEnum):
    """Which replicas must succeed."""

    PRIMARY = "Primary"
    ALL_WORKERS = "AllWorkers"


class CleanPodPolicy(StrEnum):
    """Which pods are deleted when the job has ended."""

    NONE = "None"
    RUNNING = "Running"
    ALL = "All"


class OnNodeLost(StrEnum):
    """What happens to a pod whose node does not answer any more."""

    FORCE_DELETE = "ForceDelete"
    WAIT = "Wait"


class ParameterServer(Model):
    """TensorFlow with parameter servers: workers, servers, perhaps a chief and an evaluator."""

    workers: Replicas = Field(1, description="How many workers compute gradients.")
    servers: Replicas = Field(1, description="How many parameter servers hold the variables. They never get GPUs.")
    chief: bool = Field(False, description="Whether a chief leads the training; its end is then the job's end.")
    evaluator: bool = Field(False, description="Whether an evaluator measures the checkpoints beside the training.")


class MultiWorker(Model):
    """TensorFlow with workers that reduce among themselves (MultiWorkerMirroredStrategy)."""

    workers: Replicas = Field(2, description="How many workers there are.")
    chief: bool = Field(False, description="Whether a chief leads; without one worker 0 does.")
    evaluator: bool = Field(False, description="Whether an evaluator measures the checkpoints beside the training.")


class RoleOverride(Model):
    """What differs for one role. `env` is added by name and `nodeSelector` by key; the rest replaces the job's own."""

    image: Image | None = Field(None, description="The image of this role.")
    command: Words | None = Field(None, description="The program of this role.")
    args: Words | None = Field(None, description="The program's arguments in this role.")
    env: Env | None = Field(None, description="Variables that are added or changed in this role.")
    resources: Resources | None = Field(None, description="What a replica of this role asks for and may use.")
    node_selector: Labels | None = Field(None, description="Labels of nodes that are added for this role.")
    tolerations: Tolerations | None = Field(None, description="Taints that this role tolerates.")


class Overrides(Model):
    """What differs from role to role."""

    chief: RoleOverride | None = Field(None, description="What differs for the chief.")
    worker: RoleOverride | None = Field(
        None, description="What differs for the workers; no command or args with mpi, whose workers run sshd."
    )
    ps: RoleOverride | None = Field(None, description="What differs for the parameter servers.")
    evaluator: RoleOverride | None = Field(None, description="What differs for the evaluator.")
    launcher: RoleOverride | None = Field(None, description="What differs for the launcher of an MPI job.")


class TrainingJobSpec(Model):
    """What the job runs, on how many replicas, and how it ends."""

    image: Image | None = Field(None, description="The image that every replica runs: this or framework.")
    framework: Framework | None = Field(
        None,
        description="An image of the operator's catalogue instead; with gpusPerWorker that for GPUs.",
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the image is pulled; Always for the tag latest, else IfNotPresent."
    )
    image_pull_secrets: Annotated[list[NameReference], Field(max_length=16), list_map("name")] | None = Field(
        None, description="Secrets for the image's registry."
    )
    source: Source | None = Field(
        None,
        description="The program's files, where they are not in the image. They are put into /workspace, in which the "
        "program then starts.",
    )
    entrypoint: Entrypoint | None = Field(
        None,
        description="What of source is run instead of a command: a .py file (with python), a .sh file (with sh), or "
        "-m package.module.",
    )
    command: Words | None = Field(
        None,
        description="The program and its first arguments; the image's own when not given. No shell reads it. It must "
        "be given with mpi, and with torch where several processes run in each worker or elastic is given.",
    )
    args: Words | None = Field(None, description="Further arguments of the program.")
    working_dir: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None,
        description="The folder in which the program starts; the image's own when not given. With source it is "
        "/workspace, and may not be given.",
    )
    environment: Environment | None = Field(
        None,
        description="Packages that are installed before the program starts. It needs a command or an entrypoint.",
    )
    env: Env | None = Field(
        None,
        description="Environment variables. Names that the operator sets (TF_CONFIG, RANK, TRAININGJOB_*, …) are "
        "refused.",
    )
    env_from: Annotated[list[EnvFromSource], Field(max_length=32), ATOMIC] | None = Field(
        None, description="ConfigMaps and Secrets whose keys become environment variables."
    )
    inputs: Annotated[list[Input], Field(max_length=16), list_map("name")] | None = Field(
        None, description="Data that the program reads, each under a name."
    )
    outputs: Outputs | None = Field(
        None,
        description="What is kept of what the program writes, and where. Without source it needs workingDir, below "
        "which the folders then are.",
    )
    resume_from: ResumeFrom | None = Field(
        None,
        description="What an earlier job has kept, to go on from: TRAININGJOB_RESUME names the folder. "
        "With outputs.restore what this job has kept itself comes first.",
    )
    tensorboard: TensorBoard | None = Field(
        None,
        description="A TensorBoard that shows the event files in the folders of outputs.stream, of which it needs one, "
        "while the program runs and for a time after the end; status.tensorboard.url is its address.",
    )
    gpus_per_worker: Annotated[int, Field(ge=0, le=1024)] = Field(
        0,
        description="GPUs for each worker, the chief and the evaluator, and for a launcher that runs a worker; "
        "never for parameter servers or for a launcher that runs none.",
    )
    accelerator: Annotated[str, Field(min_length=1, max_length=317)] = Field(
        "nvidia.com/gpu",
        description="The resource that counts as a GPU, such as nvidia.com/mig-1g.10gb or amd.com/gpu.",
    )
    resources: Resources | None = Field(None, description="What each replica asks for and may use.")
    shm_size: Quantity | None = Field(
        None,
        description="The most that /dev/shm may hold; it is memory and counts against the memory limit. "
        "Without it /dev/shm is bounded by the memory limit alone.",
    )
    overrides: Overrides | None = Field(None, description="What differs from role to role.")

    parameter_server: ParameterServer | None = Field(
        None,
        description="TensorFlow with parameter servers; every process finds the others in TF_CONFIG. tf.estimator and "
        "TensorFlow 2's ParameterServerStrategy need chief: true; without a chief this serves programs that build "
        "their own cluster from TF_CONFIG. A job has at most one strategy; without any it is one pod.",
    )
    multi_worker: MultiWorker | None = Field(
        None,
        description="TensorFlow with workers that reduce among themselves (MultiWorkerMirroredStrategy); every process "
        "finds the others in TF_CONFIG. A job has at most one strategy; without any it is one pod.",
    )
    mpi: Mpi | None = Field(
        None,
        description="Horovod, DeepSpeed and every other MPI program: the launcher starts the command on all nodes "
        "with mpirun, over ssh. The image needs ssh, sshd and an MPI. A command that begins with mpirun, mpiexec, "
        "horovodrun or deepspeed is run as it is. A job has at most one strategy; without any it is one pod.",
    )
    torch: Torch | None = Field(
        None,
        description="PyTorch: every process finds the others by MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE. With "
        "several processes for each node, or elastic, a command [python, x.py, …] runs under torchrun; every other "
        "command is run as it is. A job has at most one strategy; without any it is one pod.",
    )

    node_selector: Labels | None = Field(None, description="Labels that the nodes must have.")
    tolerations: Tolerations | None = Field(None, description="Taints that the pods tolerate.")
    affinity: Affinity | None = Field(None, description="Where the pods must or should run.")
    topology_spread: (
        Annotated[list[TopologySpread], Field(max_length=16), list_map("topologyKey", "whenUnsatisfiable")] | None
    ) = Field(None, description="How evenly the pods are spread over zones, racks or nodes.")
    priority_class_name: Name | None = Field(None, description="The priority class of the pods.")
    scheduler_name: Name | None = Field(None, description="The scheduler; the cluster's default one when not given.")
    service_account_name: Name | None = Field(
        None, description="The service account of the pods; its token is not mounted unless a volume projects it."
    )
    runtime_class_name: Name | None = Field(None, description="The container runtime class of the pods.")
    dns_config: DNSConfig | None = Field(None, description="What is added to the pods' resolver configuration.")
    volumes: Annotated[list[Volume], Field(max_length=64), list_map("name")] | None = Field(
        None, description="Volumes that the training container may mount."
    )
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=64), list_map("mountPath")] | None = Field(
        None, description="Where the volumes stand in the training container."
    )
    pod_labels: Labels | None = Field(
        None, description="Labels of the pods. The resource's own labels are never copied."
    )
    pod_annotations: Annotations | None = Field(None, description="Annotations of the pods.")
    security_context: SecurityContext | None = Field(
        None, description="Under which Pod Security level and which ids the program runs."
    )

    success_policy: SuccessPolicy = Field(
        SuccessPolicy.PRIMARY,
        description="Primary: the job has succeeded when the chief has; without one the launcher, else worker 0. "
        "AllWorkers: when chief and all workers have; not with mpi, whose workers only serve the launcher.",
    )
    clean_pod_policy: CleanPodPolicy = Field(
        CleanPodPolicy.RUNNING,
        description="Which pods are deleted at the end: those that still run (their logs are lost), All, or None. "
        "With None parameter servers and the workers of an MPI job run on until the job is deleted.",
    )
    stop_grace_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        30, description="Seconds that a pod gets between SIGTERM and SIGKILL when the operator stops it."
    )
    evaluator_grace_seconds: Annotated[int, Field(ge=0, le=604800)] = Field(
        900, description="Seconds that the end waits for a running evaluator, which exports the last model."
    )

    suspend: bool = Field(
        False,
        description="While true the job has no pods; its deadlines wait, and what places its pods can be changed.",
    )
    cancel: bool = Field(
        False, description="Ends the job for good: the pods are stopped, the record stays. It cannot be taken back."
    )
    managed_by: ManagedBy | None = Field(
        None,
        description=f"The controller that runs the job; {MANAGED_BY} when not given. With any other value this "
        "operator leaves the job alone.",
    )
    max_restarts: Count = Field(3, description="How many restarts that the program caused the job survives.")
    max_disruptions: Count = Field(
        100,
        description="How many restarts that the cluster caused the job survives: evictions, preemptions, lost nodes.",
    )
    failure_policy: FailurePolicy | None = Field(
        None, description="What the job does about the end of a replica, where the strategy's default does not fit."
    )
    active_deadline_seconds: Deadline | None = Field(
        None,
        description="Seconds after which the job fails, counted from when every replica ran for the first time, and "
        "not while it is suspended.",
    )
    pending_deadline_seconds: Deadline | None = Field(
        None,
        description="Seconds after which the job fails when not every replica has run, counted from its creation or "
        "its last resumption.",
    )
    pod_ttl_seconds: Seconds | None = Field(
        None, alias="podTTLSeconds", description="Seconds after the job's end when its pods are deleted."
    )
    ttl_seconds_after_finished: Seconds | None = Field(
        None,
        description="Seconds after the job's end when the job itself is deleted with all that it has. Not for jobs "
        "that GitOps applies, which would create it again.",
    )
    on_node_lost: OnNodeLost = Field(
        OnNodeLost.FORCE_DELETE,
        description="ForceDelete: a pod that was told to end on a node that does not answer is removed by force 30 s "
        "after stopGraceSeconds, so that its replica can start elsewhere. Wait: only when the node or an "
        "administrator says so.",
    )
    gang: Gang | None = Field(None, description="How the pods are placed together, or not at all.")
