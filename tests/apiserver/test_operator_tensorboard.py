"""TensorBoards on a real API server: made with the job, deleted when their time is over, in nobody's way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.audit import operator_writes
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, by_name, operated
from tests.support.operator_process import operator
from tests.support.user import Object, RefusedError, User, wait_until
from trainingjob.api.tensorboard_rules import TENSORBOARD_TOO_LATE
from trainingjob.api.times import parse_time

pytestmark = pytest.mark.apiserver

NAME = "mnist-tensorboard"
SHOWN: dict[str, Any] = {
    "image": IMAGE,
    "workingDir": "/app",
    "outputs": {"uri": "s3://bucket/runs", "flushSeconds": 1},
    "stopGraceSeconds": 1,
    "tensorboard": {"ttlSeconds": 600},
}
SERVES = Run(exit_code=None)
THE_POD = ("--lease-identity", "the-pod")


def boards(user: User) -> dict[str, Object]:
    """Return the Deployments and Services of that name, by kind."""
    found = json.loads(user.kubectl("get", "deployments,services", "-o", "json"))["items"]
    return {item["kind"]: item for item in found if item["metadata"]["name"] == NAME}


def wait_for_board(user: User, there: bool = True) -> dict[str, Object]:
    """Wait until both objects exist, or neither, and the status says the same."""
    wait_until(lambda: len(boards(user)), lambda count: count == (2 if there else 0), 60)
    wait_until(lambda: "url" in user.status("mnist").get("tensorboard", {}), lambda told: told == there, 60)
    return boards(user)


def writes(cluster: Cluster, user: User) -> list[str]:
    """Return what the operator has written of the TensorBoard."""
    found = operator_writes(cluster.audit_log, user.namespace)
    return [f"{w.verb} {w.resource} {w.code}" for w in found if w.resource == "deployments" or w.name == NAME]


@contextmanager
def next_operator(cluster: Cluster, user: User, folder: Path) -> Iterator[None]:
    """Run an operator after another one has been killed."""
    with operator(cluster.kubeconfig, folder, user.namespace, "--status-interval", "1", *THE_POD, name="next") as found:
        found.wait_until_ready()
        yield


def test_it_stands_from_the_first_pods_until_its_time_is_over(cluster: Cluster, user: User, tmp_path: Path) -> None:
    user.kubectl("label", "namespace", user.namespace, "pod-security.kubernetes.io/enforce=restricted")
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES)) as at:
        user.apply_job("mnist", **SHOWN)
        found = wait_for_board(user)
        uid = user.job("mnist")["metadata"]["uid"]
        assert user.status("mnist")["tensorboard"] == {"url": f"http://{NAME}.{user.namespace}.svc:6006/"}
        for item in found.values():
            (owner,) = item["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["uid"], owner["controller"]) == ("TrainingJob", uid, True)
        # The pod that its Deployment makes is let in, and is none of the job's.
        pods = wait_until(
            lambda: user.kubectl("get", "pods", "-l", "trainingjob.dev/tensorboard", "-o", "name"), bool, 60
        )
        assert pods.startswith(f"pod/{NAME}-")
        assert user.pods("mnist").keys() == {"mnist-worker-0"}
        user.wait_for_phase("mnist", "Running")
        assert user.status("mnist")["replicas"]["worker"]["active"] == 1
        user.change_job("mnist", cancel=True)
        user.wait_for_phase("mnist", "Cancelled")
        user.wait_for_pods("mnist", set())
        assert len(wait_for_board(user)) == 2
        user.change_job("mnist", tensorboard={"ttlSeconds": 1})
        wait_for_board(user, there=False)
        assert ("Normal", "TensorBoard") in at.events("mnist")
    assert writes(cluster, user) == [
        "create deployments 201",
        "create services 201",
        "delete services 200",
        "delete deployments 200",
    ]


def test_it_is_turned_on_and_off_while_the_job_runs_and_not_after_its_end(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES)):
        user.apply_job("mnist", **{**SHOWN, "tensorboard": {"enabled": False}})
        user.wait_for_phase("mnist", "Running")
        assert boards(user) == {}
        for enabled in (True, False, True, False):
            user.change_job("mnist", tensorboard={"enabled": enabled})
            wait_for_board(user, there=enabled)
        user.change_job("mnist", cancel=True)
        user.wait_for_phase("mnist", "Cancelled")
        with pytest.raises(RefusedError) as caught:
            user.change_job("mnist", tensorboard={"enabled": True})
        assert f"spec.tensorboard: Forbidden: {TENSORBOARD_TOO_LATE}" in str(caught.value)
        user.change_job("mnist", tensorboard={"enabled": False, "ttlSeconds": 5})


def test_time_that_was_over_while_no_operator_was_there_ends_it_at_once(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES), *THE_POD) as at:
        user.apply_job("mnist", **SHOWN)
        wait_for_board(user)
        user.change_job("mnist", cancel=True)
        ended = user.wait_for_phase("mnist", "Cancelled")["completionTime"]
        at.process.kill()
        user.change_job("mnist", tensorboard={"ttlSeconds": 1})
        until = parse_time(ended) + timedelta(seconds=2)
        wait_until(lambda: datetime.now(UTC), lambda now: now > until, 60)
        assert len(boards(user)) == 2
        with next_operator(cluster, user, tmp_path):
            wait_for_board(user, there=False)
            assert user.status("mnist")["phase"] == "Cancelled"


def test_operator_that_takes_over_creates_nothing_again(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(mnist_worker_0=SERVES), *THE_POD) as at:
        user.apply_job("mnist", **SHOWN)
        wait_for_board(user)
        user.wait_for_phase("mnist", "Running")
        at.process.kill()
        with next_operator(cluster, user, tmp_path):
            user.apply_job("other", image=IMAGE)
            user.wait_finished("other", seconds=60)
            assert writes(cluster, user) == ["create deployments 201", "create services 201"]


@pytest.mark.parametrize("kind", ["deployment", "service"])
def test_name_of_somebody_else_is_told_never_taken_and_no_matter_to_the_job(
    cluster: Cluster, user: User, tmp_path: Path, kind: str
) -> None:
    options = ("--image=example",) if kind == "deployment" else ()
    words = ("create", kind, *(("clusterip",) if kind == "service" else ()), NAME, *options)
    user.kubectl(*words, *(("--tcp=80",) if kind == "service" else ()))
    uid = user.kubectl("get", kind, NAME, "-o", "jsonpath={.metadata.uid}")
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES)) as at:
        user.apply_job("mnist", **SHOWN)
        user.wait_for_phase("mnist", "Running")
        told = wait_until(lambda: user.status("mnist").get("tensorboard", {}), lambda board: "message" in board, 60)
        assert "url" not in told
        assert f"{kind.capitalize()} {NAME} exists already and was not made by this job" in told["message"]
        assert user.status("mnist")["reason"] == "Training"
        assert ("Warning", "TensorBoardRefused") in at.events("mnist")
        user.change_job("mnist", cancel=True)
        wait_until(lambda: user.status("mnist"), lambda status: "tensorboard" not in status, 60)
        assert [item["metadata"]["uid"] for item in boards(user).values()] == [uid]


def test_job_takes_its_tensorboard_with_it(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES)):
        user.apply_job("mnist", **SHOWN)
        wait_for_board(user)
        user.kubectl("delete", "tjob", "mnist")
        wait_until(lambda: boards(user), lambda found: not found, 60)
