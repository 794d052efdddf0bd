"""Elastic PyTorch jobs: lost workers come back, nodes come and go, and the job goes on."""

from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, by_name, operated
from tests.support.user import User, wait_until

pytestmark = pytest.mark.apiserver

ELASTIC = {
    "image": IMAGE,
    "command": ["python", "train.py"],
    "torch": {"nodes": 3, "elastic": {"minNodes": 1, "maxNodes": 4}},
}
TRAINS = Run(exit_code=None)
ALL = by_name(worker_0=Run(after=("enough",)), worker_1=TRAINS, worker_2=TRAINS, worker_3=TRAINS)


def names(*indexes: int) -> set[str]:
    """Return the names of the workers' pods."""
    return {f"digits-worker-{index}" for index in indexes}


def scale(user: User, nodes: int) -> None:
    """Change the number of nodes as a person does."""
    user.change_job("digits", torch={"nodes": nodes})


def test_lost_worker_comes_back_and_the_job_succeeds(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, ALL) as at:
        user.apply_job("digits", **ELASTIC)
        user.wait_for_phase("digits", "Running")
        started = user.status("digits")["startTime"]
        user.kubectl("delete", "pod", "digits-worker-1")
        wait_until(lambda: at.kubelet.seen["digits-worker-1"], lambda uids: len(uids) == 2, 60)
        wait_until(lambda: user.status("digits"), lambda status: status["ready"] == "3/3", 60)
        at.kubelet.announce("enough")
        user.wait_finished("digits", seconds=60)
        status = at.settle("digits")["status"]
        assert (status["phase"], status["startTime"]) == ("Succeeded", started)
        assert at.counts("digits") == (0, 0, 1)
        assert [(f["pod"], f["reason"], f["class"]) for f in status["failures"]] == [
            ("digits-worker-1", "PodDeleted", "Disruption")
        ]
        assert "restarting" not in status
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == {
            "digits-worker-0": 1,
            "digits-worker-1": 2,
            "digits-worker-2": 1,
        }


def test_nodes_are_added_and_taken_away_while_the_job_runs(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, ALL) as at:
        user.apply_job("digits", **ELASTIC)
        user.wait_for_phase("digits", "Running")
        scale(user, 4)
        user.wait_for_pods("digits", names(0, 1, 2, 3))
        wait_until(lambda: user.status("digits"), lambda status: status["ready"] == "4/4", 60)
        scale(user, 2)
        user.wait_for_pods("digits", names(0, 1))
        status = wait_until(lambda: user.status("digits"), lambda status: status["ready"] == "2/2", 60)
        assert status["phase"] == "Running"
        at.kubelet.announce("enough")
        user.wait_finished("digits", seconds=60)
        status = at.settle("digits")["status"]
        assert status["phase"] == "Succeeded"
        assert "failures" not in status
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values()), "nothing was started twice"


def test_node_that_is_taken_away_and_wanted_again_at_once_costs_nothing(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    slow = Run(exit_code=None, stop_after=("wanted again",))
    script = by_name(worker_0=Run(after=("enough",)), worker_1=slow, worker_2=slow)
    with operated(cluster, user, tmp_path, script) as at:
        user.apply_job("digits", **ELASTIC)
        user.wait_for_phase("digits", "Running")
        scale(user, 1)
        user.wait_until_pods("digits", lambda pods: "deletionTimestamp" in pods["digits-worker-2"]["metadata"])
        scale(user, 3)
        user.wait_until_observed("digits")
        at.kubelet.announce("wanted again")
        wait_until(lambda: at.kubelet.seen["digits-worker-2"], lambda uids: len(uids) == 2, 60)
        wait_until(lambda: user.status("digits"), lambda status: status["ready"] == "3/3", 60)
        at.kubelet.announce("enough")
        user.wait_finished("digits", seconds=60)
        assert at.settle("digits")["status"]["phase"] == "Succeeded"
        assert at.counts("digits") == (0, 0, 0)
        assert "failures" not in user.status("digits")


def test_lost_worker_0_starts_all_anew_because_the_others_find_one_another_by_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, ALL) as at:
        user.apply_job("digits", **ELASTIC)
        user.wait_for_phase("digits", "Running")
        user.kubectl("delete", "pod", "digits-worker-0")
        status = user.wait_for_phase("digits", "Restarting")
        assert status["reason"] == "PodDeleted"
        assert "digits-worker-0" in status["message"]
        user.wait_for_phase("digits", "Running")
        at.kubelet.announce("enough")
        user.wait_finished("digits", seconds=60)
        assert at.settle("digits")["status"]["phase"] == "Succeeded"
        assert at.counts("digits") == (1, 0, 1)
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == dict.fromkeys(names(0, 1, 2), 2)
