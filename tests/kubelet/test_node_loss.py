"""One of two nodes falls silent: its pods start elsewhere, and when it comes back nothing runs twice."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.node_jobs import HERE, UNTIL_DONE, counts, elastic, mpi, nodes_of, python, release, spread, torch
from tests.support.node_outage import LOSS_SECONDS, cut_power, outage, silence_kubelet
from tests.support.node_processes import pod_processes
from tests.support.user import User, wait_until

pytestmark = [pytest.mark.kubelet, pytest.mark.long]

HOST = "kubernetes.io/hostname"
SERVED = {"workers": 1, "servers": 1}


@pytest.mark.parametrize("end", [silence_kubelet, cut_power])
def test_jobs_of_every_kind_outlive_a_lost_node_and_nothing_runs_twice_when_it_comes_back(
    cluster: Cluster, user: User, places: tuple[str, str], end: Callable[[Cluster, str], str]
) -> None:
    stays, lost = places
    there = {"nodeSelector": {HERE: "yes"}}
    here = {"nodeSelector": {HOST: stays}}
    both: dict[str, Any] = {"topologySpread": spread(), "maxRestarts": 0}
    jobs = {
        "group": python(multiWorker={"workers": 2}, **both),
        "waits": python(multiWorker={"workers": 2}, onNodeLost="Wait", **both),
        "worker": python(UNTIL_DONE, parameterServer=SERVED, overrides={"worker": there, "ps": here}, maxRestarts=0),
        "server": python(UNTIL_DONE, parameterServer=SERVED, overrides={"worker": here, "ps": there}, maxRestarts=0),
        "mpi": mpi(**both),
        "torch": torch(**both),
        "elastic": elastic(150, **both),
    }
    for name, spec in jobs.items():
        user.apply_job(name, **spec)
    for name in jobs:
        user.wait_for_phase(name, "Running", seconds=180)
        assert lost in nodes_of(user, name).values()
    # Whoever still looks for a peer gives up before anybody misses the node; one that waits for an answer waits longer.
    for pod, words in {"torch-worker-0": "epoch=2", "elastic-worker-0": "epoch=2", "mpi-launcher-0": "rank 1"}.items():
        wait_until(partial(_has_said, user, pod, words), bool, 120)
    lone = "elastic-worker-0" not in [pod for pod, node in nodes_of(user, "elastic").items() if node == lost]
    user.kubectl("label", "node", stays, f"{HERE}=yes", "--overwrite")

    expected = dict.fromkeys(jobs, (1, 0, 1)) | {"worker": (0, 0, 1), "elastic": (0 if lone else 1, 0, 1)}
    with outage(cluster, user, lost, end) as bring_back:
        for name in jobs:
            status = wait_until(partial(user.status, name), lambda found: found["disruptions"] == 1, LOSS_SECONDS)
            assert {failure["class"] for failure in status["failures"]} == {"NodeLost"}, (name, status)
            assert status["restarts"] == 0, (name, status)
        for name in ("group", "mpi", "torch"):
            assert user.wait_finished(name, seconds=LOSS_SECONDS)["phase"] == "Succeeded", name
        waits = user.status("waits")
        assert waits["phase"] == "Restarting"
        assert "is on a node that does not answer, and spec.onNodeLost is Wait" in waits["message"]
        for name in ("worker", "server", "elastic"):
            wait_until(partial(nodes_of, user, name), lambda found: set(found.values()) == {stays}, LOSS_SECONDS)
            user.wait_until_pods(name, lambda pods: all(pod["status"]["phase"] == "Running" for pod in pods.values()))
        bring_back()
        assert user.wait_finished("waits", seconds=120)["phase"] == "Succeeded"
        wait_until(lambda: doubles(user), lambda found: not found, 60)
        release(user, "worker-worker-0", "server-worker-0")
        for name in jobs:
            status = user.wait_finished(name, seconds=300)
            assert (status["phase"], counts(status)) == ("Succeeded", expected[name]), (name, status)
    wait_until(lambda: pod_processes(user.namespace), lambda found: not found, 60)


def _has_said(user: User, pod: str, words: str) -> bool:
    return words in user.kubectl("logs", pod)


def doubles(user: User) -> list[tuple[str, tuple[str, str]]]:
    """Return the replicas of which more than one program runs on this machine, whatever the API server knows."""
    running = Counter((found.job, found.key) for found in pod_processes(user.namespace) if found.init)
    return [replica for replica, times in running.items() if times > 1]
