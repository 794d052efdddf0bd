"""What installing, upgrading and removing the operator means to training that runs, on a real kubelet."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.deploy import NAMESPACE, RELEASE, example_image, install
from devtools.progress import Progress
from tests.support.helm import helm
from tests.support.user import Object, User, wait_until

pytestmark = [pytest.mark.kubelet, pytest.mark.alone]

OPERATOR = "app.kubernetes.io/name=trainingjob-operator"
WAIT_TO_BE_TOLD = """
import os, time
print("waiting", flush=True)
while not os.path.exists(os.environ["HOME"] + "/go"):
    time.sleep(0.2)
"""
WAITING: dict[str, Any] = {
    "image": example_image("sklearn-digits"),
    "imagePullPolicy": "IfNotPresent",
    "command": ["python", "-c", WAIT_TO_BE_TOLD],
    "multiWorker": {"workers": 2},
}


@pytest.fixture
def progress() -> Progress:
    """Return what an installation tells its steps to."""
    return Progress("chart")


@pytest.fixture
def administrator(cluster: Cluster, progress: Progress) -> Iterator[User]:
    """Return a person who looks after the operator, and install it again as the other tests expect it."""
    yield User(cluster.full_environment(), NAMESPACE)
    install(cluster, progress)


def test_operator_runs_under_the_restricted_level_with_a_read_only_root(administrator: User) -> None:
    """The API server itself names every pod of a namespace that the level would forbid."""
    label = ("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    administrator.kubectl(*label, "--dry-run=server", "--warnings-as-errors")
    (pod,) = _operator_pods(administrator)
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_upgrade_in_the_middle_of_a_run_touches_no_training_pod(
    cluster: Cluster, user: User, administrator: User, progress: Progress
) -> None:
    user.apply_job("train", **WAITING)
    user.wait_for_phase("train", "Running")
    before, operators = _uids(user), {pod["metadata"]["uid"] for pod in _operator_pods(administrator)}

    install(cluster, progress, "logLevel=debug", "podAnnotations.example\\.com/release=next", "replicas=2")
    after = wait_until(lambda: {pod["metadata"]["uid"] for pod in _operator_pods(administrator)}, _are_two, 60)
    assert not after & operators
    assert _uids(user) == before

    _tell_to_go_on(user)
    assert user.wait_finished("train", seconds=60)["phase"] == "Succeeded"
    assert _uids(user).items() <= before.items()


def test_training_goes_on_without_the_operator_and_a_new_installation_tells_its_end(
    cluster: Cluster, user: User, administrator: User, progress: Progress
) -> None:
    user.apply_job("train", **WAITING)
    user.wait_for_phase("train", "Running")
    before = _uids(user)

    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", env=cluster.environment())
    administrator.kubectl("wait", "--for=delete", "pods", "--selector", OPERATOR, "--timeout=60s")
    _tell_to_go_on(user)
    user.wait_until_pods("train", lambda pods: pods["train-worker-0"]["status"]["phase"] == "Succeeded", seconds=60)
    assert user.status("train")["phase"] == "Running"
    assert _uids(user) == before

    install(cluster, progress)
    assert user.wait_finished("train", seconds=60)["phase"] == "Succeeded"


def _uids(user: User) -> dict[str, str]:
    return {name: pod["metadata"]["uid"] for name, pod in user.pods("train").items()}


def _tell_to_go_on(user: User) -> None:
    for name in user.pods("train"):
        user.kubectl("exec", name, "--", "sh", "-c", 'touch "$HOME/go"')


def _operator_pods(administrator: User) -> list[Object]:
    """Return the operator's pods without those that are being deleted."""
    found = json.loads(administrator.kubectl("get", "pods", "--selector", OPERATOR, "-o", "json"))["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def _are_two(uids: set[str]) -> bool:
    return len(uids) == 2
