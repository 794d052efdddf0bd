"""PyTorch jobs on a real kubelet: elastic ones lose a worker and go on."""

import re
from typing import Any

import pytest

from devtools.deploy import example_image
from tests.kubelet.test_examples import LEARNED, apply_example
from tests.support.user import User, wait_until

pytestmark = pytest.mark.kubelet

IMAGE = example_image("pytorch-ddp")
PYTHON = "/usr/bin/python3"


def torch_job(command: list[str], **torch: Any) -> dict[str, Any]:
    """Return the spec of a PyTorch job."""
    return {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command, "torch": torch}


def test_elastic_job_loses_worker_1_goes_on_takes_its_successor_in_and_succeeds(user: User) -> None:
    job = apply_example(user, "pytorch-ddp", "job-elastic.yaml")
    user.wait_for_phase(job, "Running")

    def log() -> str:
        return user.kubectl("logs", f"{job}-worker-0")

    wait_until(log, lambda text: text.count("ranks=2") > 3, 120)
    first = user.pods(job)[f"{job}-worker-1"]["metadata"]["uid"]
    user.kubectl("delete", "pod", f"{job}-worker-1", "--force", "--grace-period=0")
    status = user.wait_finished(job, seconds=400)
    assert status["phase"] == "Succeeded", (status, log())
    assert (status["attempt"], status["restarts"], status["disruptions"]) == (0, 0, 1)
    assert [(f["pod"], f["class"]) for f in status["failures"]] == [(f"{job}-worker-1", "Disruption")]
    assert user.pods(job).get(f"{job}-worker-1", {"metadata": {"uid": ""}})["metadata"]["uid"] != first
    assert float(re.findall(r"accuracy=(\d\.\d+)", log())[-1]) > LEARNED


def test_processes_that_run_as_they_are_form_a_group(user: User) -> None:
    program = (
        "import os, torch.distributed as d; d.init_process_group(os.environ['TRAININGJOB_TORCH_BACKEND']); "
        "import torch; t = torch.ones(1) * (d.get_rank() + 1); d.all_reduce(t); "
        "print('sum', int(t), 'world', d.get_world_size())"
    )
    user.apply_job("plain", **torch_job([PYTHON, "-c", program], nodes=2))
    status = user.wait_finished("plain", seconds=180)
    assert status["phase"] == "Succeeded", status
    assert user.kubectl("logs", "plain-worker-0").splitlines()[-1] == "sum 3 world 2"


def test_command_that_begins_with_torchrun_is_configured_by_the_environment(user: User) -> None:
    program = "/app/train.py"
    command = [PYTHON, "-m", "torch.distributed.run", program, "--epochs", "2", "--checkpoints", "$(HOME)/checkpoints"]
    user.apply_job("own", **torch_job(command, nodes=2, processesPerNode=2))
    status = user.wait_finished("own", seconds=240)
    assert status["phase"] == "Succeeded", (status, user.kubectl("logs", "own-worker-0"))


def test_failing_process_is_told_with_its_traceback(user: User) -> None:
    program = "raise ValueError('no such data set')"
    user.apply_job("broken", **torch_job([PYTHON, "-c", program], nodes=1), maxRestarts=0)
    status = user.wait_finished("broken", seconds=120)
    assert status["message"] == ("Pod broken-worker-0 failed with exit code 1: ValueError: no such data set")
