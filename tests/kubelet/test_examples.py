"""The examples train to their end on a real kubelet, and have learned."""

import re
from collections.abc import Callable

import pytest
import yaml

from devtools.paths import REPOSITORY
from tests.support.node_jobs import python
from tests.support.user import User

pytestmark = pytest.mark.kubelet

LIST = """
import os
from pathlib import Path

for path in Path(os.environ["INPUT_RUNS"]).rglob("*"):
    print(path)
"""
LEARNED = 0.85
"""Guessing one of ten digits is right in 0.1 of the cases."""


def apply_example(user: User, name: str, manifest: str = "job.yaml") -> str:
    """Apply an example's manifest and return the name of its job."""
    objects = list(yaml.safe_load_all((REPOSITORY / "examples" / name / manifest).read_text()))
    user.apply(*objects)
    return str(next(item["metadata"]["name"] for item in objects if item["kind"] == "TrainingJob"))


@pytest.mark.parametrize(
    ("example", "teller", "kept", "stopped"),
    [
        ("sklearn-digits", "worker-0", {"worker-0"}, set()),
        ("tensorflow-estimator", "evaluator-0", {"chief-0", "evaluator-0"}, {"ps-0"}),
        ("tensorflow-parameter-server", "chief-0", {"chief-0"}, {"ps-0", "worker-0", "worker-1"}),
        ("tensorflow-multi-worker", "worker-0", {"worker-0"}, set()),
        ("horovod-digits", "launcher-0", {"launcher-0"}, {"worker-0", "worker-1"}),
        ("pytorch-ddp", "worker-0", {"worker-0"}, set()),
    ],
)
def test_example_succeeds_has_learned_and_leaves_what_has_ended(
    user: User, say: Callable[[str], None], example: str, teller: str, kept: set[str], stopped: set[str]
) -> None:
    job = apply_example(user, example)
    status = user.wait_finished(job, seconds=400)
    assert status["phase"] == "Succeeded", status
    accuracies = re.findall(r"accuracy=(\d\.\d+)", user.kubectl("logs", f"{job}-{teller}"))
    assert float(accuracies[-1]) > LEARNED
    say(f"{example}: accuracy {accuracies[-1]}")
    user.wait_until_pods(job, lambda pods: not {f"{job}-{name}" for name in stopped} & set(pods))
    assert {f"{job}-{name}" for name in kept} <= set(user.pods(job))


@pytest.mark.parametrize(
    ("manifest", "library"),
    [
        ("job.yaml", "Open MPI v4.1"),
        ("job-openmpi5.yaml", "Open MPI v5."),
        ("job-mpich.yaml", "MPICH Version"),
        ("job-intelmpi.yaml", "Intel(R) MPI Library"),
    ],
)
def test_ranks_of_every_mpi_run_on_both_workers(user: User, manifest: str, library: str) -> None:
    """A starter that does not find its hosts runs every rank on the launcher and calls that a success."""
    job = apply_example(user, "mpi-allreduce", manifest)
    status = user.wait_finished(job, seconds=180)
    log = user.kubectl("logs", f"{job}-launcher-0")
    assert status["phase"] == "Succeeded", (status, log)
    ranks = re.findall(r"^rank (\d) of 4 on (\S+)$", log, re.MULTILINE)
    assert sorted(ranks) == [(str(rank), f"{job}-worker-{rank // 2}") for rank in range(4)]
    assert library in log
    assert "sum over 4 ranks on 2 hosts: right" in log


def test_code_of_a_folder_leaves_model_checkpoints_and_event_files_in_a_claim(user: User) -> None:
    user.kubectl("apply", "-k", str(REPOSITORY / "examples" / "tensorflow-single"))
    status = user.wait_finished("tensorflow-single", seconds=400)
    log = user.kubectl("logs", "tensorflow-single-worker-0")
    assert status["phase"] == "Succeeded", (status, log)
    assert float(re.findall(r"accuracy=(\d\.\d+)", log)[-1]) > LEARNED
    (artifact,) = status["artifacts"]
    assert artifact["complete"]
    assert artifact["uri"].startswith(f"pvc://{user.namespace}/runs/")

    user.apply_job("list", **python(LIST), inputs=[{"name": "runs", "pvc": {"claimName": "runs"}, "mode": "mount"}])
    assert user.wait_finished("list", seconds=120)["phase"] == "Succeeded"
    found = user.kubectl("logs", "list-worker-0")
    folder = artifact["uri"].partition("/runs/")[2]
    assert f"{folder}/outputs/digits.keras\n" in found
    assert f"{folder}/outputs/checkpoints/epoch-010.keras\n" in found
    assert f"{folder}/logs/train/events.out.tfevents." in found
