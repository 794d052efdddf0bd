"""Gangs with a real scheduler: all pods of a job find nodes, or none does."""

from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.third_party import COSCHEDULING_POD_GROUPS
from tests.support.fake_kubelet import Run
from tests.support.gangs import install, pod_groups
from tests.support.operating import IMAGE, operated
from tests.support.schedulers import GPU, coscheduling, give_gpus
from tests.support.strategy_jobs import mpi
from tests.support.user import User, wait_until

# The scheduler is built from its module, which takes minutes the first time.
pytestmark = [pytest.mark.apiserver, pytest.mark.long]

GANG: dict[str, Any] = {"image": IMAGE, "gpusPerWorker": 1, "accelerator": GPU, "gang": {"scheduler": "coscheduling"}}
JOBS = ("first", "second")


def placed(user: User, job: str) -> int:
    """Return how many pods of a job have a node."""
    return sum("nodeName" in pod["spec"] for pod in user.pods(job).values())


def test_two_jobs_that_do_not_fit_together_run_one_after_the_other_and_never_in_part(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    install(user, COSCHEDULING_POD_GROUPS)
    with (
        operated(cluster, user, tmp_path, lambda _: Run(scheduled=True, after=("the end",))) as at,
        coscheduling(cluster, tmp_path),
    ):
        give_gpus(user, 4)
        for job in JOBS:
            user.apply_job(job, **GANG, multiWorker={"workers": 3})
        running = wait_until(
            lambda: [job for job in JOBS if user.status(job).get("phase") == "Running"], bool, seconds=120
        )
        (waiting,) = set(JOBS) - set(running)
        status = user.wait_for_reason(waiting, "Unschedulable", seconds=60)
        assert (placed(user, running[0]), placed(user, waiting), status["phase"]) == (3, 0, "Pending")
        at.kubelet.announce("the end")
        assert [user.wait_finished(job, seconds=120)["phase"] for job in JOBS] == ["Succeeded", "Succeeded"]
        wait_until(lambda: pod_groups(user, COSCHEDULING_POD_GROUPS), lambda groups: not groups, 60)


def test_workers_of_an_mpi_job_are_placed_although_its_launcher_waits_for_them(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    install(user, COSCHEDULING_POD_GROUPS)
    workers = ("mnist-worker-0", "mnist-worker-1", "mnist-worker-2")

    def script(pod: dict[str, Any]) -> Run:
        if pod["metadata"]["name"] in workers:
            return Run(scheduled=True, exit_code=None)
        return Run(scheduled=True, init_after=workers)

    with operated(cluster, user, tmp_path, script), coscheduling(cluster, tmp_path):
        give_gpus(user, 3)
        user.apply_job("mnist", **GANG, **mpi(nodes=3))
        assert user.wait_finished("mnist", seconds=120)["phase"] == "Succeeded"
