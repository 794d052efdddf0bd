"""The strategies that start some processes on each of several nodes: MPI and PyTorch."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.constants import MAX_REPLICAS
from trainingjob.api.pod_fields import Words
from trainingjob.api.status import MAX_RESTARTING

Replicas = Annotated[int, Field(ge=1, le=MAX_REPLICAS)]
ElasticNodes = Annotated[int, Field(ge=1, le=MAX_RESTARTING)]
ProcessesPerNode = Annotated[int, Field(ge=1, le=1024)]


class MpiImplementation(StrEnum):
    """Whose MPI the image has; they differ in the form of the hostfile and in the names of their settings."""

    OPEN_MPI = "OpenMPI"
    INTEL_MPI = "IntelMPI"
    MPICH = "MPICH"


class Mpi(Model):
    """Processes that an MPI launcher starts over ssh."""

    nodes: Replicas = Field(
        2, description="How many pods run processes. The launcher is one pod more, unless it runs a worker."
    )
    processes_per_node: ProcessesPerNode | None = Field(
        None, description="How many processes run on each node: gpusPerWorker when not given, else 1."
    )
    implementation: MpiImplementation = Field(
        MpiImplementation.OPEN_MPI,
        description="The MPI of the image, which is checked before the program starts. OpenMPI is version 4 or 5.",
    )
    launcher_runs_worker: bool = Field(
        False,
        description="Whether the launcher is itself the first of the nodes, with GPUs and processes; there is then "
        "one worker less.",
    )
    args: Words | None = Field(
        None,
        description="Further arguments of mpirun, such as [--bind-to, core]; they stand before the program. Not with a "
        "command that begins with mpirun or the like itself.",
    )
    network_interface: (
        Annotated[str, Field(min_length=1, max_length=15, pattern=r"^[A-Za-z0-9_][-A-Za-z0-9_.]*$")] | None
    ) = Field(
        None,
        description="The network interface of the pods that the processes talk over, such as eth0; MPI's own choice "
        "when not given.",
    )


class Elastic(Model):
    """How few and how many nodes a job can go on with."""

    min_nodes: ElasticNodes = Field(description="The fewest nodes with which the training goes on.")
    max_nodes: ElasticNodes = Field(description="The most nodes that it can use.")


class Torch(Model):
    """PyTorch processes that find one another by themselves, as torch.distributed wants it."""

    nodes: Replicas = Field(
        1,
        description="How many workers there are. With elastic it may change at any time within the bounds.",
    )
    processes_per_node: ProcessesPerNode | None = Field(
        None, description="How many processes run in each worker: gpusPerWorker when not given, else 1."
    )
    backend: Annotated[str, Field(max_length=32, pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = Field(
        None,
        description="What the processes communicate with, told in TRAININGJOB_TORCH_BACKEND: nccl with GPUs, else "
        "gloo, when not given.",
    )
    elastic: Elastic | None = Field(
        None,
        description="Lets the training go on with fewer workers when some are lost, and with more when they come "
        "back. Worker 0 cannot be spared: losing it restarts the job.",
    )
