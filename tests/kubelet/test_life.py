"""Ends, clean-up and signals on a real kubelet."""

import time
from typing import Any

import pytest

from devtools.deploy import example_image
from tests.support.user import User

pytestmark = pytest.mark.kubelet

IMAGE = example_image("sklearn-digits")

# The primary ends well once every other program runs: each announces itself in the shared log of its own pod only,
# so the primary simply asks the others' ports, which the servers below open.
WAIT_FOR_OTHERS = """
import json, os, socket, time
task = json.loads(os.environ["TF_CONFIG"])
peers = [host for hosts in task["cluster"].values() for host in hosts]
me = task["cluster"][task["task"]["type"]][task["task"]["index"]]
for peer in peers:
    host, port = peer.rsplit(":", 1)
    while peer != me:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            break
        except OSError:
            time.sleep(0.2)
"""
SERVE = """
import signal, socket, sys, time
if "ignore" in sys.argv:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
server = socket.create_server(("", 2222))
while True:
    time.sleep(1)
"""


def python(program: str, *arguments: str) -> dict[str, Any]:
    """Return the spec of a container that runs a Python program."""
    return {
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", program, *arguments],
    }


def served(*arguments: str) -> dict[str, Any]:
    """Return the spec of a job whose worker 0 ends well when its parameter server listens."""
    return {
        **python(WAIT_FOR_OTHERS),
        "parameterServer": {"workers": 1, "servers": 1},
        "overrides": {"ps": {"command": ["python", "-c", SERVE, *arguments]}},
    }


def test_finished_job_is_waited_for_and_shown_in_one_line(user: User) -> None:
    user.apply_job("done", **python("print('hello')"))
    user.kubectl("wait", "--for=condition=Finished", "tjob/done", "--timeout=120s")
    header, line = user.kubectl("get", "tjob").strip().splitlines()
    assert header.split() == ["NAME", "PHASE", "REASON", "READY", "RESTARTS", "AGE"]
    assert line.split()[:5] == ["done", "Succeeded", "PrimarySucceeded", "1/1", "0"]


def test_failed_program_shows_pod_exit_code_and_last_words(user: User) -> None:
    user.apply_job("broken", **python("raise SystemExit('no such data set')"), maxRestarts=0)
    status = user.wait_finished("broken", seconds=120)
    assert (status["phase"], status["reason"]) == ("Failed", "ProgramFailed")
    assert status["message"] == "Pod broken-worker-0 failed with exit code 1: no such data set"
    assert status["failures"][0]["exitCode"] == 1
    assert "no such data set" in user.kubectl("describe", "tjob", "broken")


def test_default_handling_of_the_signal_ends_a_program_long_before_its_grace(user: User) -> None:
    user.apply_job("polite", stopGraceSeconds=3600, **served())
    assert user.wait_finished("polite", seconds=180)["phase"] == "Succeeded"
    user.wait_for_pods("polite", {"polite-worker-0"}, seconds=60)


def test_program_that_ignores_signals_is_gone_after_its_grace(user: User) -> None:
    user.apply_job("stubborn", stopGraceSeconds=5, **served("ignore"))
    assert user.wait_finished("stubborn", seconds=180)["phase"] == "Succeeded"
    user.wait_for_pods("stubborn", {"stubborn-worker-0"}, seconds=90)


def test_policy_none_keeps_the_parameter_server_running(user: User) -> None:
    user.apply_job("kept", cleanPodPolicy="None", **served())
    assert user.wait_finished("kept", seconds=180)["phase"] == "Succeeded"
    before = time.monotonic()
    while time.monotonic() < before + 5:
        assert set(user.pods("kept")) == {"kept-worker-0", "kept-ps-0"}
    assert user.status("kept")["replicas"]["ps"]["active"] == 1


def test_deleted_job_takes_its_pods_and_service_along_and_its_name_can_be_used_again(user: User) -> None:
    user.apply_job("again", **python("import time; time.sleep(3600)"))
    user.wait_for_phase("again", "Running")
    user.kubectl("delete", "tjob", "again", "--wait=false")
    user.apply_job("again", **python("print('second')"))
    assert user.wait_finished("again", seconds=180)["phase"] == "Succeeded"
    assert "second" in user.kubectl("logs", "again-worker-0")


def test_process_of_a_thousand_worker_job_with_the_longest_names_reads_its_tf_config(user: User) -> None:
    name = "a" * 52
    read = """
import json, os
config = json.loads(os.environ["TF_CONFIG"])
print("workers", len(config["cluster"]["worker"]), "index", config["task"]["index"])
"""
    # The cluster is small: the quota lets one pod of the thousand in.
    user.kubectl("create", "quota", "one-pod", "--hard=pods=1")
    user.apply_job(name, **python(read), parameterServer={"workers": 1000, "servers": 1})
    assert user.wait_finished(name, seconds=180)["phase"] == "Succeeded"
    assert user.kubectl("logs", f"{name}-worker-0").strip() == "workers 1000 index 0"
