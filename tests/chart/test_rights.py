"""The operator uses every right that the chart gives it, and needs no other, through everything that jobs can meet."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, cycle
from pathlib import Path
from threading import Event

import pytest

from devtools.cluster import Api, Cluster
from tests.chart.fake_pods import end_pod, hold_pod, start_pod
from tests.chart.running import operator_of
from tests.support.helm import only, render
from tests.support.rbac import Right, account_user, allowed, refused, used
from tests.support.user import User, wait_until
from trainingjob.api.constants import API_VERSION

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

FOR_ADMISSION: Right = ("trainingjob.dev", "trainingjobs/finalizers", "update")
"""What an admission plugin asks about the operator; test_user_rights.py shows that it is needed."""

RE_READ: Right = ("trainingjob.dev", "trainingjobs", "get")
"""What follows when a status was to be written on a version of the job that is no longer the latest."""

JOBS = "trainingjobs.trainingjob.dev"
PROGRAM = {"image": "example", "command": ["train"]}


@pytest.mark.parametrize("watched", [False, True], ids=["every-namespace", "one-namespace"])
def test_rights_given_are_the_rights_used(
    watched: bool, control_plane: Cluster, release: str, user: User, tmp_path: Path
) -> None:
    rendered = render({"watchNamespaces": [user.namespace] if watched else []}, namespace=release)
    account = account_user(release, only(rendered, "ServiceAccount")["metadata"]["name"])
    with operator_of(rendered, control_plane, tmp_path), closing(Api(control_plane.kubeconfig)) as api:
        _succeed(user)
        _fail(user)
        _meet_a_taken_name(user)
        _lose_a_pod(user)
        _need_a_config_map(user)
        _need_ssh_keys(user)
        _keep_artifacts(user)
        _show_event_files(user)
        _meet_the_same_trouble_twice(user)
        _retire(user)
        _collide(user, api, lambda: RE_READ in used(control_plane.audit_log, account))
    assert refused(control_plane.audit_log, account) == set()
    assert used(control_plane.audit_log, account) == allowed(rendered) - {FOR_ADMISSION}


def _succeed(user: User) -> None:
    user.apply_job("good", **PROGRAM)
    user.wait_for_pods("good", {"good-worker-0"})
    start_pod(user, "good-worker-0")
    user.wait_for_phase("good", "Running")
    end_pod(user, "good-worker-0", 0)
    user.wait_for_phase("good", "Succeeded")


def _fail(user: User) -> None:
    """The pod that still runs is deleted after the failure of the other."""
    user.apply_job("bad", multiWorker={"workers": 2}, maxRestarts=0, **PROGRAM)
    user.wait_for_pods("bad", {"bad-worker-0", "bad-worker-1"})
    start_pod(user, "bad-worker-0")
    start_pod(user, "bad-worker-1")
    user.wait_for_phase("bad", "Running")
    end_pod(user, "bad-worker-1", 3)
    user.wait_for_phase("bad", "Failed")
    user.wait_for_pods("bad", {"bad-worker-1"})


def _meet_a_taken_name(user: User) -> None:
    user.kubectl("create", "service", "clusterip", "taken", "--clusterip=None")
    user.apply_job("taken", multiWorker={"workers": 2}, **PROGRAM)
    wait_until(lambda: user.status("taken"), lambda status: "taken" in status.get("message", ""), 60)


def _lose_a_pod(user: User) -> None:
    user.apply_job("lost", maxDisruptions=0, **PROGRAM)
    user.wait_for_pods("lost", {"lost-worker-0"})
    start_pod(user, "lost-worker-0")
    user.wait_for_phase("lost", "Running")
    user.kubectl("delete", "pod", "lost-worker-0", "--grace-period=0", "--force")
    user.wait_for_phase("lost", "Failed")


def _need_a_config_map(user: User) -> None:
    user.apply_job("wide", multiWorker={"workers": 51}, **PROGRAM)
    user.wait_until_pods("wide", lambda pods: len(pods) == 51)
    user.kubectl("delete", JOBS, "wide")


def _need_ssh_keys(user: User) -> None:
    user.apply_job("ranks", mpi={"nodes": 2}, **PROGRAM)
    user.wait_for_pods("ranks", {"ranks-launcher-0", "ranks-worker-0", "ranks-worker-1"})
    user.kubectl("delete", JOBS, "ranks")


def _keep_artifacts(user: User) -> None:
    """The worker that runs is stopped, so that it uploads, when the other has failed for good."""
    outputs = {"uri": "s3://bucket/runs", "replicas": "All"}
    job = {"multiWorker": {"workers": 2}, "maxRestarts": 0, "outputs": outputs, "workingDir": "/app", **PROGRAM}
    user.apply_job("kept", **job)
    user.wait_for_pods("kept", {"kept-worker-0", "kept-worker-1"})
    start_pod(user, "kept-worker-0")
    start_pod(user, "kept-worker-1")
    user.wait_for_phase("kept", "Running")
    end_pod(user, "kept-worker-1", 3)
    stopped = ("get", "pod", "kept-worker-0", "-o", "jsonpath={.spec.activeDeadlineSeconds}")
    wait_until(lambda: user.kubectl(*stopped), lambda seconds: seconds == "1", 60)
    end_pod(user, "kept-worker-0", 143)
    user.wait_for_phase("kept", "Failed")


def _show_event_files(user: User) -> None:
    """The TensorBoard goes with the end of its job."""
    outputs = {"uri": "s3://bucket/runs"}
    user.apply_job("shown", **PROGRAM, outputs=outputs, workingDir="/app", tensorboard={"ttlSeconds": 0})
    boards = ("get", "deployments,services", "-o", "name")
    made = {"deployment.apps/shown-tensorboard", "service/shown-tensorboard"}
    wait_until(lambda: set(user.kubectl(*boards).split()), lambda names: made <= names, 60)
    user.change_job("shown", cancel=True)
    wait_until(lambda: set(user.kubectl(*boards).split()), lambda names: not made & names, 60)


def _retire(user: User) -> None:
    """The job has ended and its time is over; the operator deletes it."""
    user.apply_job("brief", ttlSecondsAfterFinished=1, **PROGRAM)
    user.wait_for_pods("brief", {"brief-worker-0"})
    start_pod(user, "brief-worker-0")
    end_pod(user, "brief-worker-0", 0)
    wait_until(lambda: user.kubectl("get", JOBS, "-o", "name"), lambda names: "/brief" not in names, 60)


def _meet_the_same_trouble_twice(user: User) -> None:
    user.apply_job("stuck", **PROGRAM)
    user.wait_for_pods("stuck", {"stuck-worker-0"})
    for reason, outcome in (("ErrImagePull", "ImagePull"), ("", "Starting"), ("ErrImagePull", "ImagePull")):
        hold_pod(user, "stuck-worker-0", reason, "no such image")
        user.wait_for_reason("stuck", outcome)
    user.kubectl("delete", JOBS, "stuck")


def _collide(user: User, api: Api, seen: Callable[[], bool]) -> None:
    """Change a job without pause while its status changes too, so that the operator writes on a version of the past."""
    user.apply_job("restless", **PROGRAM)
    user.wait_for_pods("restless", {"restless-worker-0"})
    path = f"/apis/{API_VERSION}/namespaces/{user.namespace}/trainingjobs/restless"
    enough = Event()
    troubles = cycle(["ErrImagePull", "CreateContainerError"])

    def annotate() -> None:
        for number in count():
            if enough.is_set():
                return
            api.patch(path, {"metadata": {"annotations": {"example.com/number": str(number)}}})

    def trouble() -> bool:
        hold_pod(user, "restless-worker-0", next(troubles), "again")
        return seen()

    with ThreadPoolExecutor() as pool:
        annotating = pool.submit(annotate)
        try:
            wait_until(trouble, bool, 60)
        finally:
            enough.set()
        annotating.result()
    user.kubectl("delete", JOBS, "restless")
