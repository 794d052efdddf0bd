"""How many processes a job runs where, and what starts them."""

import re

from trainingjob.api.process_strategies import Mpi
from trainingjob.api.source import entrypoint_command
from trainingjob.api.spec import TrainingJobSpec

MPI_STARTER_PATTERN = r"^(.*/)?((mpirun|mpiexec)(\.[^/]+)?|orterun|prterun|horovodrun|deepspeed)$"
"""The programs that start MPI processes themselves, by any path; Debian calls some `mpirun.openmpi`."""


def processes_per_node(spec: TrainingJobSpec) -> int:
    """Return how many processes run on each node of an MPI or PyTorch job: as given, else one for each GPU."""
    strategy = spec.mpi or spec.torch
    given = strategy.processes_per_node if strategy else None
    return given or spec.gpus_per_worker or 1


def own_command(spec: TrainingJobSpec) -> list[str] | None:
    """Return the program of a job as its command or its entrypoint says it; None for the image's own."""
    return entrypoint_command(spec.entrypoint) if spec.entrypoint else spec.command


def mpi_workers(mpi: Mpi) -> int:
    """Return how many worker pods an MPI job has beside its launcher; there may be none."""
    return mpi.nodes - mpi.launcher_runs_worker


def is_mpi_starter(word: str) -> bool:
    """Say whether the first word of a command starts the processes of an MPI job by itself."""
    return re.fullmatch(MPI_STARTER_PATTERN, word) is not None
