"""What a program leaves is kept on a real kubelet, however it ends and whatever happens to those who keep it."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.artifact_jobs import COUNT, TRAIN, Keeper, count_in, predictions
from tests.support.node_jobs import HERE, counts, nodes_of, release
from tests.support.node_outage import LOSS_SECONDS, cut_power, outage
from tests.support.node_processes import own_process
from tests.support.object_store import ObjectServer
from tests.support.user import Object, RefusedError, User, wait_until
from trainingjob.api.constants import LABEL_ATTEMPT

pytestmark = pytest.mark.kubelet

POD = "digits-worker-0"


@pytest.fixture
def keeper(cluster: Cluster, user: User, tmp_path: Path) -> Iterator[Keeper]:
    """Return a person who has a store, which pods reach."""
    with ObjectServer(tmp_path / "store", cluster.host_address) as store:
        yield Keeper(user, store, cluster.host_address)


def condition(status: Object, kind: str) -> tuple[str, str]:
    """Return a condition's status and reason."""
    found = next(item for item in status["conditions"] if item["type"] == kind)
    return found["status"], found["reason"]


def sidecar(pod: Object) -> Object:
    """Return the status of a pod's uploading container."""
    found = pod["status"].get("initContainerStatuses", [])
    return next((dict(item) for item in found if item["name"] == "artifacts"), {})


def whole(status: Object) -> Object:
    """Return a job's only artifact, which is complete."""
    assert condition(status, "ArtifactsComplete") == ("True", "Uploaded"), status
    (artifact,) = status["artifacts"]
    assert artifact["complete"], artifact
    return dict(artifact)


def test_log_is_in_the_store_while_the_job_runs_and_the_model_of_its_status_predicts_the_same(
    keeper: Keeper, tmp_path: Path
) -> None:
    user = keeper.user
    keeper.run("digits", TRAIN)
    wait_until(lambda: keeper.read("digits", "logs/train.log"), lambda text: "epoch 3\n" in text, 120)
    assert user.status("digits")["phase"] == "Running"
    assert not keeper.read("digits", "outputs/model.json")

    release(user, POD)
    status = user.wait_finished("digits", seconds=120)
    assert status["phase"] == "Succeeded"
    artifact = whole(status)
    assert (artifact["name"], artifact["files"]) == ("worker-0", 2)
    copy = keeper.download(artifact, tmp_path / "copy")
    assert f"predictions {predictions(copy)}\n" in user.kubectl("logs", POD)
    said = keeper.everything_to_read("digits")
    assert "worker-0: 2 files" in said
    assert [secret for secret in keeper.planted if secret in said] == []


@pytest.mark.parametrize(
    ("end", "cause"),
    [("raise", ("AppFailure", 1)), ("use up memory", ("OutOfMemory", 137))],
)
def test_failed_program_leaves_a_complete_artifact(
    keeper: Keeper, tmp_path: Path, end: str, cause: tuple[str, int]
) -> None:
    resources = {"requests": {"memory": "150Mi"}, "limits": {"memory": "400Mi"}}
    keeper.run("digits", TRAIN, end, maxRestarts=0, resources=resources)
    keeper.user.wait_for_phase("digits", "Running")
    release(keeper.user, POD)
    status = keeper.user.wait_finished("digits", seconds=180)
    assert status["phase"] == "Failed"
    (failure,) = status["failures"]
    assert (failure["class"], failure["exitCode"]) == cause, failure
    copy = keeper.download(whole(status), tmp_path / "copy")
    assert f"predictions {predictions(copy)}\n" in keeper.user.kubectl("logs", POD)


def test_sidecar_that_is_killed_while_it_uploads_goes_on(keeper: Keeper, tmp_path: Path) -> None:
    user = keeper.user
    size = 300_000_000
    keeper.run("digits", f"import os\nos.truncate(os.open('logs/z', os.O_CREAT | os.O_RDWR), {size})\n{TRAIN}")
    user.wait_for_phase("digits", "Running")
    uid = user.pods("digits")[POD]["metadata"]["uid"]
    pid = wait_until(lambda: own_process(uid, "artifacts"), bool, 60, pause=0.05)
    parts = keeper.store.objects / keeper.store.bucket / ".sgwtmp" / "multipart"
    wait_until(lambda: list(parts.glob("*/*/2")), bool, 120, pause=0.02)
    os.kill(pid or 0, signal.SIGKILL)
    assert not keeper.store.keys(f"{keeper.prefix('digits')}/logs/z")

    wait_until(lambda: sidecar(user.pods("digits")[POD]).get("restartCount"), lambda count: count == 1, 60)
    release(user, POD)
    artifact = whole(user.wait_finished("digits", seconds=240))
    assert artifact["bytes"] > size
    copy = keeper.download(artifact, tmp_path / "copy")
    assert (copy / "logs" / "z").stat().st_size == size


@pytest.mark.long
def test_sidecar_that_is_killed_after_the_programs_end_leaves_what_was_kept_before(keeper: Keeper) -> None:
    """The kubelet starts it again only as long as the program runs."""
    user = keeper.user
    keeper.run("digits", f"import os\nos.truncate(os.open('outputs/z', os.O_CREAT | os.O_RDWR), 900_000_000)\n{TRAIN}")
    wait_until(lambda: keeper.read("digits", "manifest-000001.json"), bool, 120)
    uid = user.pods("digits")[POD]["metadata"]["uid"]
    pid = own_process(uid, "artifacts")
    release(user, POD)
    parts = keeper.store.objects / keeper.store.bucket / ".sgwtmp" / "multipart"
    wait_until(lambda: list(parts.glob("*/*/2")), bool, 120, pause=0.02)
    os.kill(pid or 0, signal.SIGKILL)
    status = user.wait_finished("digits", seconds=120)
    assert status["phase"] == "Succeeded"
    assert condition(status, "ArtifactsComplete") == ("False", "SidecarLost")
    assert "epoch 1\n" in keeper.read("digits", "logs/train.log")


@pytest.mark.long
def test_store_that_is_down_at_the_programs_end_gets_everything_when_it_is_back(keeper: Keeper, tmp_path: Path) -> None:
    user = keeper.user
    keeper.run("digits", TRAIN)
    wait_until(lambda: keeper.read("digits", "logs/train.log"), bool, 120)
    keeper.store.stop()
    release(user, POD)
    status = user.wait_for_reason("digits", "UploadingArtifacts")
    assert status["phase"] == "Finalizing"
    assert status["ending"]["phase"] == "Succeeded"
    wait_until(lambda: user.kubectl("logs", POD, "-c", "artifacts"), lambda log: "Trying again." in log, 120)
    keeper.store.start()
    status = user.wait_finished("digits", seconds=180)
    assert status["phase"] == "Succeeded"
    assert predictions(keeper.download(whole(status), tmp_path / "copy"))


@pytest.mark.parametrize("away", ["evict", "delete"])
def test_program_whose_pod_is_taken_goes_on_from_its_last_checkpoint(keeper: Keeper, away: str) -> None:
    user = keeper.user
    keeper.run("digits", COUNT, outputs={"restore": True})
    user.wait_for_phase("digits", "Running")
    wait_until(lambda: steps(user.kubectl("logs", POD)), lambda done: len(done) > 5, 120)
    first = user.pods("digits")[POD]["metadata"]["uid"]
    if away == "evict":
        user.evict(POD)
    else:
        user.kubectl("delete", "pod", POD, "--wait=false")
    user.wait_until_pods("digits", lambda pods: any(pod["metadata"]["uid"] != first for pod in pods.values()))
    user.wait_for_phase("digits", "Running")
    log = wait_until(lambda: user.kubectl("logs", POD), lambda text: len(steps(text)) > 3, 120)
    begun = first_step(log)
    assert begun > 5
    assert steps(log)[0] == begun + 1
    kept = keeper.store.keys(f"{keeper.prefix('digits')}/outputs")
    assert max(kept).endswith(f"step-{begun:06d}")
    release(user, POD)
    status = user.wait_finished("digits", seconds=120)
    assert status["phase"] == "Succeeded"
    assert counts(status) == (1, 0, 1)


@pytest.mark.long
def test_node_that_dies_costs_no_more_than_what_came_after_the_last_manifest(
    cluster: Cluster, keeper: Keeper, places: tuple[str, str]
) -> None:
    user, (stays, lost) = keeper.user, places
    placed = {"nodeSelector": {HERE: "yes"}, "maxRestarts": 0}
    # What is kept at the program's end alone is lost with the node.
    counting, kept = count_in("checkpoints"), {"stream": ["logs", "checkpoints"], "restore": True}
    keeper.run("goes-on", counting, outputs=kept, **placed)
    keeper.run("ends", counting, outputs=kept, maxDisruptions=0, **placed)
    for name in ("goes-on", "ends"):
        wait_until(partial(keeper.read, name, "manifest-000001.json"), bool, 180)
        assert set(nodes_of(user, name).values()) == {lost}
    user.kubectl("label", "node", stays, f"{HERE}=yes", "--overwrite")

    with outage(cluster, user, lost, cut_power):
        ended = user.wait_finished("ends", seconds=LOSS_SECONDS)
        log = wait_until(lambda: again(user, "goes-on-worker-0"), lambda text: len(steps(text)) > 3, LOSS_SECONDS)
        release(user, "goes-on-worker-0")
        status = user.wait_finished("goes-on", seconds=120)
    assert ended["phase"] == "Failed"
    assert [failure["class"] for failure in ended["failures"]] == ["NodeLost"]
    assert condition(ended, "ArtifactsComplete") == ("False", "SidecarLost")
    assert not ended["artifacts"][0]["complete"]
    assert keeper.store.keys(f"{keeper.prefix('ends')}/checkpoints")

    begun = first_step(log)
    assert begun > 0
    assert steps(log)[0] == begun + 1
    assert (status["phase"], counts(status)) == ("Succeeded", (1, 0, 1))
    assert whole(status)["uri"].endswith("/1/worker-0")


def again(user: User, pod: str) -> str:
    """Return the log of a second attempt's pod; empty while there is none."""
    found = user.pods("goes-on").get(pod)
    if found and found["metadata"]["labels"][LABEL_ATTEMPT] == "1":
        with suppress(RefusedError):  # it has not begun
            return user.kubectl("logs", pod)
    return ""


def first_step(log: str) -> int:
    """Return the step with which a program has begun."""
    return int(log.split("begun with step ")[1].split(maxsplit=1)[0])


def steps(log: str) -> list[int]:
    """Return the steps that a program has told."""
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith("step ")]
