"""How many processes a job runs where, and which commands start them by themselves."""

from typing import Any

import pytest

from trainingjob.api.process_strategies import Mpi
from trainingjob.api.processes import is_mpi_starter, mpi_workers, processes_per_node
from trainingjob.api.spec import TrainingJobSpec


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"mpi": {}}, 1),
        ({"mpi": {}, "gpusPerWorker": 4}, 4),
        ({"mpi": {"processesPerNode": 2}, "gpusPerWorker": 4}, 2),
        ({"mpi": {"processesPerNode": 2}}, 2),
        ({"torch": {}}, 1),
        ({"torch": {}, "gpusPerWorker": 8}, 8),
        ({"torch": {"processesPerNode": 1}, "gpusPerWorker": 8}, 1),
        ({"torch": {"processesPerNode": 3}}, 3),
    ],
)
def test_a_node_runs_the_given_processes_else_one_for_each_gpu(spec: dict[str, Any], count: int) -> None:
    assert processes_per_node(TrainingJobSpec.model_validate({"image": "train", **spec})) == count


@pytest.mark.parametrize(
    ("nodes", "launcher_runs_worker", "workers"), [(1, False, 1), (4, False, 4), (4, True, 3), (1, True, 0)]
)
def test_a_launcher_that_runs_a_worker_is_one_of_the_nodes(
    nodes: int, launcher_runs_worker: bool, workers: int
) -> None:
    assert mpi_workers(Mpi(nodes=nodes, launcher_runs_worker=launcher_runs_worker)) == workers


@pytest.mark.parametrize(
    ("word", "starts"),
    [
        ("mpirun", True),
        ("mpiexec", True),
        ("mpiexec.hydra", True),
        ("mpirun.openmpi", True),
        ("mpiexec.mpich", True),
        ("orterun", True),
        ("prterun", True),
        ("horovodrun", True),
        ("deepspeed", True),
        ("/usr/bin/mpirun", True),
        ("./mpiexec.hydra", True),
        ("", False),
        ("python", False),
        ("mpirun.", False),
        ("mpirun2", False),
        ("my-mpirun", False),
        ("deepspeed.py", False),
        ("mpirun/train", False),
        ("mpirun.d/train", False),
        ("mpirun ", False),
        ("mpirun\n", False),
    ],
)
def test_a_command_starts_the_processes_by_itself_when_its_program_is_known_to(word: str, starts: bool) -> None:
    assert is_mpi_starter(word) is starts
