"""MPI jobs on a real kubelet: any user, any image, and each failure in one sentence."""

import json
import time
from typing import Any

import pytest

from devtools.deploy import example_image
from tests.support.user import User, wait_until

pytestmark = pytest.mark.kubelet

IMAGE = example_image("mpi-allreduce")
WITHOUT_SSH = example_image("sklearn-digits")
ALLREDUCE = ["python", "/app/allreduce.py", "--hosts", "2"]


def mpi_job(command: list[str], **spec: Any) -> dict[str, Any]:
    """Return the spec of a job of two workers with two ranks each."""
    own = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command}
    return {**own, "mpi": {"nodes": 2, "processesPerNode": 2}, "stopGraceSeconds": 5, **spec}


def succeed(user: User, name: str, **spec: Any) -> str:
    """Run an MPI job to its good end and return the launcher's log."""
    user.apply_job(name, **spec)
    status = user.wait_finished(name, seconds=180)
    log = user.kubectl("logs", f"{name}-launcher-0")
    assert status["phase"] == "Succeeded", (status, log)
    return log


def wait_for_ranks(user: User, name: str) -> None:
    """Wait until every rank has said where it runs."""
    user.wait_for_phase(name, "Running")
    deadline = time.monotonic() + 60
    while user.kubectl("logs", f"{name}-launcher-0").count(" of 4 on ") < 4:
        assert time.monotonic() < deadline, user.kubectl("logs", f"{name}-launcher-0")
        time.sleep(0.3)


@pytest.mark.parametrize("how", [["--wait=false"], ["--force", "--grace-period=0"]], ids=["deleted", "by force"])
def test_worker_that_is_deleted_in_mid_run_is_named_and_the_launcher_s_log_is_kept(user: User, how: list[str]) -> None:
    user.apply_job("cut", **mpi_job([*ALLREDUCE, "--seconds", "3600"], maxDisruptions=0))
    wait_for_ranks(user, "cut")
    user.kubectl("delete", "pod", "cut-worker-1", *how)
    # A transport that waits for an answer gives up after many minutes.
    status = user.wait_finished("cut", seconds=60)
    assert (status["phase"], status["reason"]) == ("Failed", "PodDeleted")
    assert status["message"] == "Pod cut-worker-1 was deleted before its program had ended."
    assert "rank 3 of 4" in user.kubectl("logs", "cut-launcher-0")
    user.wait_for_pods("cut", {"cut-launcher-0"}, seconds=60)


def test_rank_that_fails_is_told_with_its_number_and_exit_code(user: User) -> None:
    program = "from mpi4py import MPI; import sys; sys.exit(3 if MPI.COMM_WORLD.rank == 1 else 0)"
    user.apply_job("broken", **mpi_job(["python", "-c", program], maxRestarts=0))
    status = user.wait_finished("broken", seconds=180)
    assert status["message"] == "Pod broken-launcher-0 failed with exit code 3: rank 1 ended with exit code 3"
    (failure,) = status["failures"]
    assert (failure["role"], failure["index"], failure["exitCode"]) == ("launcher", 0, 3)


def test_worker_without_sshd_is_told(user: User) -> None:
    overrides = {"worker": {"image": WITHOUT_SSH}}
    user.apply_job("bare", **mpi_job(ALLREDUCE, overrides=overrides, maxRestarts=0))
    status = user.wait_finished("bare", seconds=120)
    assert status["reason"] == "PreparationFailed"
    assert "The image has no sshd" in status["message"]
    assert {(f["role"], f["exitCode"]) for f in status["failures"]} == {("worker", 127)}


def test_launcher_whose_image_has_another_mpi_is_told(user: User) -> None:
    user.apply_job("other", **mpi_job(ALLREDUCE, mpi={"nodes": 2, "implementation": "MPICH"}, maxRestarts=0))
    status = user.wait_finished("other", seconds=120)
    assert status["message"] == (
        "Pod other-launcher-0 could not be prepared with exit code 1: spec.mpi.implementation is MPICH and the "
        "image's mpirun is OpenMPI: set it to OpenMPI."
    )


def test_worker_with_a_wrong_image_keeps_the_launcher_waiting_and_is_named(user: User) -> None:
    overrides = {"worker": {"image": "trainingjob.dev/no/such:image"}}
    user.apply_job("imageless", **mpi_job(ALLREDUCE, imagePullPolicy="Never", overrides=overrides))
    status = user.wait_for_reason("imageless", "ImagePull")
    assert status["phase"] == "Pending"
    assert "Pod imageless-worker-" in status["message"]


def test_launcher_that_never_gets_its_workers_says_why(user: User) -> None:
    user.apply_job("alone", **mpi_job(ALLREDUCE, overrides={"worker": {"nodeSelector": {"disk": "marble"}}}))
    words = "Pod alone-worker-0 finds no node (and 1 more)"
    # The scheduler tells of one pod after the other.
    status = wait_until(lambda: user.status("alone"), lambda found: words in found.get("message", ""), 120)
    assert status["reason"] == "Unschedulable"
    assert status["replicas"]["launcher"]["ready"] == 0


def test_ranks_see_the_variables_of_their_own_pod_and_its_working_directory(user: User) -> None:
    program = (
        "import os; from mpi4py import MPI; "
        "print('seen', [os.environ[n] for n in ('TRAININGJOB_ROLE', 'TRAININGJOB_INDEX', 'GREETING')], os.getcwd())"
    )
    env = [{"name": "GREETING", "value": 'it\'s "$HOME"\nagain'}]
    job = mpi_job(["python", "-c", program], env=env, workingDir="/opt")
    log = succeed(user, "env", **job)
    for index in ("0", "1"):
        assert log.count(f"seen {['worker', index, env[0]['value']]} /opt") == 2, log


def test_launcher_that_runs_a_worker_is_the_first_of_the_hosts(user: User) -> None:
    mpi = {"nodes": 2, "processesPerNode": 2, "launcherRunsWorker": True, "networkInterface": "eth0"}
    log = succeed(user, "both", **mpi_job(ALLREDUCE, mpi=mpi))
    assert log.count("on both-launcher-0") == log.count("on both-worker-0") == 2


def test_own_mpirun_finds_hosts_and_slots_in_the_environment(user: User) -> None:
    log = succeed(user, "own", **mpi_job(["mpirun", "-np", "$(TRAININGJOB_PROCESSES)", *ALLREDUCE]))
    assert "sum over 4 ranks on 2 hosts: right" in log


@pytest.mark.parametrize("ids", [None, {"runAsUser": 4242, "runAsGroup": 4242, "fsGroup": 4242}], ids=["ours", "its"])
def test_image_with_a_user_a_home_and_an_entrypoint_of_its_own_runs(user: User, ids: dict[str, int] | None) -> None:
    """The image's own user may not log in, its entrypoint only fails, its home is not where homes are."""
    log = succeed(user, "custom", **mpi_job(ALLREDUCE, securityContext=ids))
    assert "sum over 4 ranks on 2 hosts: right" in log


def test_root_runs_where_the_namespace_allows_it(user: User) -> None:
    label = "pod-security.kubernetes.io/enforce=baseline"
    user.kubectl("label", "namespace", user.namespace, label, "--overwrite")
    context = {"profile": "baseline", "runAsUser": 0}
    log = succeed(user, "root", **mpi_job(ALLREDUCE, securityContext=context))
    assert "sum over 4 ranks on 2 hosts: right" in log


def test_private_key_is_readable_for_its_pod_alone_and_workers_hold_none(user: User) -> None:
    user.apply_job("keys", **mpi_job([*ALLREDUCE, "--seconds", "3600"]))
    wait_for_ranks(user, "keys")
    listing = user.kubectl("exec", "keys-launcher-0", "--", "ls", "-ln", "/run/trainingjob")
    (line,) = (line for line in listing.splitlines() if line.endswith(" client_key"))
    assert line.split()[0] == "-rw-------"
    assert line.split()[2] == "1000"
    assert "client_key" not in user.kubectl("exec", "keys-worker-0", "--", "ls", "/run/trainingjob")
    pods = json.dumps(user.pods("keys"))
    assert "PRIVATE KEY" not in pods
    refused = ["ssh", "-o", "UserKnownHostsFile=/dev/null", "keys-worker-0.keys", "true"]
    script = f"{' '.join(refused)}; echo code=$?"
    assert "code=255" in user.kubectl("exec", "keys-launcher-0", "--", "sh", "-c", script)
    assert "code=0" in user.kubectl("exec", "keys-launcher-0", "--", "sh", "-c", "ssh keys-worker-0.keys; echo code=$?")
