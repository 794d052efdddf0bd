"""Restarts, ends and suspension on a real kubelet."""

import json

import pytest

from tests.support.node_jobs import SLEEP, counts, python
from tests.support.user import User

pytestmark = pytest.mark.kubelet

FAIL_ONCE = "import os, sys; sys.exit(int(os.environ['TRAININGJOB_ATTEMPT'] == '0'))"


def test_group_whose_program_fails_once_starts_anew_and_succeeds(user: User) -> None:
    user.apply_job("again", **python(FAIL_ONCE, multiWorker={"workers": 2}))
    status = user.wait_finished("again", seconds=180)
    assert (status["phase"], counts(status)) == ("Succeeded", (1, 1, 0))
    assert {failure["class"] for failure in status["failures"]} == {"AppFailure"}
    assert "started anew" not in status["message"]


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
