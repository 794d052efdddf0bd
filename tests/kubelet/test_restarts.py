"""What clusters do to a job, on a real kubelet: ends, evictions, memory kills, suspension, a node that falls silent."""

import json
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.deploy import example_image
from tests.support.user import User, wait_until

pytestmark = pytest.mark.kubelet

IMAGE = example_image("sklearn-digits")
SLEEP = "import time; time.sleep(3600)"
FAIL_ONCE = "import os, sys; sys.exit(int(os.environ['TRAININGJOB_ATTEMPT'] == '0'))"
WAIT_IN_THE_FIRST = (
    "import os, time; print('attempt', os.environ['TRAININGJOB_ATTEMPT'], flush=True); "
    "time.sleep(3600 if os.environ['TRAININGJOB_ATTEMPT'] == '0' else 0)"
)


def python(program: str, **spec: Any) -> dict[str, Any]:
    """Return the spec of a job that runs a Python program."""
    own = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["python", "-c", program]}
    return {**own, "stopGraceSeconds": 5, **spec}


def counts(status: dict[str, Any]) -> tuple[int, int, int]:
    """Return attempt, restarts and disruptions."""
    return status["attempt"], status["restarts"], status["disruptions"]


def test_group_whose_program_fails_once_starts_anew_and_succeeds(user: User) -> None:
    user.apply_job("again", **python(FAIL_ONCE, multiWorker={"workers": 2}))
    status = user.wait_finished("again", seconds=180)
    assert (status["phase"], counts(status)) == ("Succeeded", (1, 1, 0))
    assert {failure["class"] for failure in status["failures"]} == {"AppFailure"}
    assert "started anew" not in status["message"]


def test_eviction_costs_a_disruption_and_no_restart(user: User) -> None:
    user.apply_job("moved", **python(WAIT_IN_THE_FIRST, multiWorker={"workers": 2}, maxRestarts=0))
    user.wait_for_phase("moved", "Running")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "moved-worker-1"}}
    path = f"/api/v1/namespaces/{user.namespace}/pods/moved-worker-1/eviction"
    user.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    status = user.wait_finished("moved", seconds=180)
    assert (status["phase"], counts(status)) == ("Succeeded", (1, 0, 1))
    assert status["failures"][0]["class"] == "Disruption"


def test_memory_kill_is_the_program_s_own_failure(user: User) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    user.apply_job("greedy", **python("x = [0] * 10**9", resources=limits, maxRestarts=0))
    status = user.wait_finished("greedy", seconds=120)
    assert (status["phase"], status["reason"]) == ("Failed", "OOMKilled")
    assert status["failures"][0]["class"] == "OutOfMemory"


def test_suspended_job_has_no_pods_and_is_resumed_with_another_placement(user: User) -> None:
    user.apply_job("paused", **python(SLEEP, multiWorker={"workers": 2}))
    user.wait_for_phase("paused", "Running")
    user.kubectl("patch", "tjob", "paused", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    user.wait_for_phase("paused", "Suspended", seconds=60)
    user.wait_for_pods("paused", set(), seconds=60)
    placed = {"spec": {"suspend": False, "nodeSelector": {"kubernetes.io/hostname": "node-1"}}}
    user.kubectl("patch", "tjob", "paused", "--type=merge", "-p", json.dumps(placed))
    status = user.wait_for_phase("paused", "Running")
    assert counts(status) == (0, 0, 0)
    assert {pod["spec"]["nodeName"] for pod in user.pods("paused").values()} == {"node-1"}
    user.kubectl("patch", "tjob", "paused", "--type=merge", "-p", '{"spec":{"cancel":true}}')
    assert user.wait_finished("paused", seconds=60)["phase"] == "Cancelled"
    user.wait_for_pods("paused", set(), seconds=60)


@pytest.mark.long
def test_pods_of_a_silent_node_start_elsewhere(cluster: Cluster, user: User) -> None:
    spread = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}]
    job = python(WAIT_IN_THE_FIRST, multiWorker={"workers": 2}, topologySpread=spread, maxRestarts=0)
    user.apply_job("orphan", **job)
    user.wait_for_phase("orphan", "Running")
    assert {pod["spec"]["nodeName"] for pod in user.pods("orphan").values()} == {"node-1", "node-2"}
    cluster.kill("node-2")
    try:
        status = user.wait_finished("orphan", seconds=400)
        assert (status["phase"], counts(status)) == ("Succeeded", (1, 0, 1))
        assert status["failures"][0]["class"] == "NodeLost"
    finally:
        cluster.start("node-2")
        wait_until(lambda: user.kubectl("get", "nodes", "--no-headers"), _both_ready, 120)


def _both_ready(nodes: str) -> bool:
    return nodes.count(" Ready ") == 2
