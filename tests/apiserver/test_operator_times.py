"""Deadlines and times to live: they follow from what is stored, whether or not the operator was there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, by_name, operated
from tests.support.operator_process import operator
from tests.support.user import User, wait_until
from trainingjob.api.times import parse_time

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)
GROUP: dict[str, Any] = {"image": IMAGE, "multiWorker": {"workers": 2}}
RUNS_ON = by_name(worker_0=SERVES, worker_1=SERVES)
THE_POD = ("--lease-identity", "the-pod")
"""An operator that is started again takes its own lease over at once."""


@contextmanager
def next_operator(cluster: Cluster, user: User, folder: Path) -> Iterator[None]:
    """Run an operator after another one has been killed."""
    with operator(cluster.kubeconfig, folder, user.namespace, "--status-interval", "1", *THE_POD, name="next") as found:
        found.wait_until_ready()
        yield


def wait_past(moment: str, seconds: int) -> None:
    """Wait until it is later than so many seconds after a moment of a status."""
    until = parse_time(moment) + timedelta(seconds=seconds)
    wait_until(lambda: datetime.now(UTC), lambda now: now > until, seconds + 60)


def wait_until_nothing_is_left(user: User) -> None:
    """Wait until neither the job nor anything that it was given exists."""
    wait_until(lambda: user.kubectl("get", "tjob,pods,services", "-o", "name"), lambda names: names == "", 60)


def test_job_that_runs_for_too_long_fails_and_is_stopped_whatever_its_policy(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, RUNS_ON) as at:
        user.apply_job("mnist", **GROUP, activeDeadlineSeconds=3, cleanPodPolicy="None")
        status = user.wait_finished("mnist", seconds=60)
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
        assert parse_time(status["completionTime"]) - parse_time(status["startTime"]) >= timedelta(seconds=3)
        user.wait_for_pods("mnist", set())
        assert at.counts("mnist") == (0, 0, 0)
        assert ("Warning", "DeadlineExceeded") in at.events("mnist")
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values())


def test_deadline_that_passed_while_no_operator_was_there_holds(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, RUNS_ON, *THE_POD) as at:
        user.apply_job("mnist", **GROUP, activeDeadlineSeconds=600)
        started = user.wait_for_phase("mnist", "Running")["startTime"]
        at.process.kill()
        user.change_job("mnist", activeDeadlineSeconds=1)
        wait_past(started, 1)
        with next_operator(cluster, user, tmp_path):
            assert user.wait_finished("mnist", seconds=60)["reason"] == "DeadlineExceeded"
            user.wait_for_pods("mnist", set())


def test_job_that_does_not_start_in_time_fails_with_what_it_waited_for(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    full = Run(unschedulable="0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=full)) as at:
        user.apply_job("mnist", **GROUP, pendingDeadlineSeconds=5)
        status = user.wait_finished("mnist", seconds=60)
        assert (status["phase"], status["reason"]) == ("Failed", "PendingDeadlineExceeded")
        assert "3 Insufficient nvidia.com/gpu" in status["message"]
        user.wait_for_pods("mnist", set())
        assert "startTime" not in at.settle("mnist")["status"]


def test_finished_job_goes_with_its_children_when_its_time_is_over(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name()) as at:
        user.apply_job("mnist", image=IMAGE, ttlSecondsAfterFinished=5, cleanPodPolicy="None")
        ended = user.wait_for_phase("mnist", "Succeeded")["completionTime"]
        wait_until_nothing_is_left(user)
        assert datetime.now(UTC) >= parse_time(ended) + timedelta(seconds=5)
        user.apply_job("mnist", image=IMAGE)
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        assert at.process.metric('trainingjob_reconcile_seconds_count{result="failed"}') == 0


def test_time_that_was_over_while_no_operator_was_there_removes_the_job_at_once(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(), *THE_POD) as at:
        user.apply_job("mnist", image=IMAGE, ttlSecondsAfterFinished=600)
        ended = user.wait_finished("mnist", seconds=60)["completionTime"]
        at.process.kill()
        user.change_job("mnist", ttlSecondsAfterFinished=1)
        wait_past(ended, 1)
        assert user.status("mnist")["phase"] == "Succeeded"
        with next_operator(cluster, user, tmp_path):
            wait_until_nothing_is_left(user)


def test_pods_whose_time_was_over_while_no_operator_was_there_go_at_once(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(), *THE_POD) as at:
        user.apply_job("mnist", image=IMAGE, podTTLSeconds=600)
        ended = user.wait_finished("mnist", seconds=60)["completionTime"]
        at.process.kill()
        user.change_job("mnist", podTTLSeconds=1)
        wait_past(ended, 1)
        assert user.pods("mnist").keys() == {"mnist-worker-0"}
        with next_operator(cluster, user, tmp_path):
            user.wait_for_pods("mnist", set())
            # What was changed while nobody was there is observed, so that nobody takes the job for one on its way.
            user.wait_until_observed("mnist")
            assert user.status("mnist")["phase"] == "Succeeded"


def test_restart_that_waited_while_no_operator_was_there_goes_on_at_once(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    again = by_name(worker_0=(Run(exit_code=7), Run()))
    with operated(cluster, user, tmp_path, again, *THE_POD) as at:
        user.apply_job("mnist", image=IMAGE)
        due = user.wait_for_phase("mnist", "Restarting")["restartTime"]
        at.process.kill()
        wait_past(due, 1)
        with next_operator(cluster, user, tmp_path):
            assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
            assert at.counts("mnist") == (1, 1, 0)


def test_job_that_failed_with_no_operator_there_lives_for_its_time_from_the_end_that_was_found(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=Run(exit_code=7, after=("told",))), *THE_POD) as at:
        user.apply_job("mnist", image=IMAGE, maxRestarts=0, ttlSecondsAfterFinished=2)
        user.wait_for_phase("mnist", "Running")
        at.process.kill()
        at.kubelet.announce("told")
        user.wait_until_pods("mnist", lambda pods: pods["mnist-worker-0"]["status"]["phase"] == "Failed")
        with next_operator(cluster, user, tmp_path):
            wait_until_nothing_is_left(user)


def test_pods_of_a_finished_job_go_when_their_time_is_over_and_the_job_stays(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_1=SERVES)) as at:
        user.apply_job("mnist", **GROUP, podTTLSeconds=3, cleanPodPolicy="None")
        ended = user.wait_finished("mnist", seconds=60)["completionTime"]
        user.wait_for_pods("mnist", set())
        assert datetime.now(UTC) >= parse_time(ended) + timedelta(seconds=3)
        status = at.settle("mnist")["status"]
        assert (status["phase"], status["replicas"]["worker"]["succeeded"]) == ("Succeeded", 1)
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values())
