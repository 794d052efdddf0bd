"""Gangs with a real scheduler: all pods of a job find nodes, or none does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.third_party import COSCHEDULING_POD_GROUPS
from tests.apiserver.conftest import person_of
from tests.support.fake_kubelet import Run
from tests.support.gangs import install, pod_groups
from tests.support.kueue import QUEUE, kueue, offer
from tests.support.operating import IMAGE, by_name, operated
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


KUEUE_JOB: dict[str, Any] = {**GANG, "multiWorker": {"workers": 3}, "gang": {"scheduler": "kueue", "queue": QUEUE}}


@pytest.fixture(scope="module")
def real_kueue(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run Kueue for the tests that follow."""
    with person_of(cluster) as person, kueue(cluster, person, tmp_path_factory.mktemp("kueue")):
        yield


@pytest.mark.usefixtures("real_kueue")
def test_jobs_in_a_queue_of_kueue_run_one_after_the_other(cluster: Cluster, user: User, tmp_path: Path) -> None:
    offer(user, gpus=4)
    with operated(cluster, user, tmp_path, lambda _: Run(after=("the end",))) as at:
        for job in JOBS:
            user.apply_job(job, **KUEUE_JOB)
            user.wait_until_pods(job, lambda pods: len(pods) == 3)
        user.wait_for_phase("first", "Running")
        status = user.wait_for_reason("second", "Queued")
        assert (status["phase"], placed(user, "second")) == ("Pending", 0)
        at.kubelet.announce("the end")
        assert [user.wait_finished(job, seconds=120)["phase"] for job in JOBS] == ["Succeeded", "Succeeded"]


@pytest.mark.usefixtures("real_kueue")
def test_kueue_takes_the_next_attempt_of_a_job_for_a_new_group(cluster: Cluster, user: User, tmp_path: Path) -> None:
    offer(user, gpus=4)
    serves = Run(exit_code=None)
    script = by_name(worker_0=(serves, Run()), worker_1=(Run(exit_code=1), Run()), worker_2=(serves, Run()))
    with operated(cluster, user, tmp_path, script) as at:
        user.apply_job("mnist", **KUEUE_JOB)
        assert user.wait_finished("mnist", seconds=180)["phase"] == "Succeeded"
        assert at.counts("mnist") == (1, 1, 0)


@pytest.mark.usefixtures("real_kueue")
def test_job_that_is_suspended_in_its_queue_gives_its_names_free_and_can_be_resumed(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    offer(user, gpus=2)
    with operated(cluster, user, tmp_path, by_name()):
        user.apply_job("mnist", **KUEUE_JOB)
        user.wait_for_reason("mnist", "Queued")
        user.change_job("mnist", suspend=True)
        user.wait_for_pods("mnist", set(), seconds=180)
        user.change_job("mnist", suspend=False, multiWorker={"workers": 2})
        assert user.wait_finished("mnist", seconds=120)["phase"] == "Succeeded"
