"""Jobs that bring code and keep artifacts, on a real API server: how they are prepared, and how they end."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.audit import operator_writes
from tests.support.fake_kubelet import Run
from tests.support.fake_sidecars import COMMIT, DIGEST, Upload
from tests.support.mpi import MPI, mpi_script
from tests.support.operating import IMAGE, Operated, by_name, operated
from tests.support.operator_process import operator
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

OUTPUTS: Mapping[str, Any] = {"outputs": {"uri": "s3://bucket/runs"}, "workingDir": "/app"}
KEEPS: Mapping[str, Any] = {"image": IMAGE, "command": ["python", "train.py"], **OUTPUTS}
BRINGS: Mapping[str, Any] = {
    "image": IMAGE,
    "source": {"git": {"url": "https://git.example.com/mnist.git", "ref": "main"}},
    "entrypoint": "train.py",
    "outputs": {"uri": "s3://bucket/runs"},
}
SERVES = Run(exit_code=None)
SLOW = Upload(after=("uploaded",))


def folder(user: User, job: Object, replica: str = "worker-0") -> str:
    """Return where the artifact of a replica stands."""
    return f"s3://bucket/runs/{user.namespace}/{job['metadata']['name']}/{job['metadata']['uid']}/0/{replica}"


def uploading(user: User, name: str) -> Object:
    """Wait until the outcome of a job is decided and its artifacts are being uploaded, and return its status."""
    return wait_until(lambda: user.status(name), lambda found: found.get("reason") == "UploadingArtifacts", 60)


def ended(at: Operated, name: str) -> tuple[Object, tuple[str, str]]:
    """Wait for the end of a job and return it, with status and reason of its condition ArtifactsComplete."""
    at.user.wait_finished(name, seconds=60)
    condition = at.condition(name, "ArtifactsComplete")
    return at.settle(name), (condition["status"], condition["reason"])


def writes(cluster: Cluster, user: User) -> Counter[str]:
    """Return how often the operator has written what."""
    return Counter(f"{write.verb} {write.resource}" for write in operator_writes(cluster.audit_log, user.namespace))


def test_job_brings_its_code_and_ends_with_what_was_uploaded(cluster: Cluster, user: User, tmp_path: Path) -> None:
    run = Run(init_after=("fetched",), seconds=1.5, upload=SLOW)
    with operated(cluster, user, tmp_path, by_name(mnist_worker_0=run), "--status-interval", "300") as at:
        user.apply_job("mnist", **BRINGS)
        assert user.wait_for_reason("mnist", "FetchingCode")["phase"] == "Preparing"
        at.kubelet.announce("fetched")
        held = uploading(user, "mnist")
        assert (held["phase"], held["ending"]["phase"]) == ("Finalizing", "Succeeded")
        assert at.condition("mnist", "Finished").get("status") != "True"
        at.kubelet.announce("uploaded")
        job, complete = ended(at, "mnist")
        status = job["status"]
        assert (status["phase"], status["reason"], complete) == ("Succeeded", "PrimarySucceeded", ("True", "Uploaded"))
        artifact = {"name": "worker-0", "uri": folder(user, job), "sha256": DIGEST, "files": 3, "bytes": 4096}
        assert status["artifacts"] == [{**artifact, "complete": True}]
        assert status["metrics"] == [{"name": "loss", "value": 0.5, "step": 10}]
        assert (status["ending"], status["source"]) == (held["ending"], {"commit": COMMIT})
        reasons = [reason for _, reason in at.events("mnist")]
        assert reasons == ["Created", "FetchingCode", "Training", "UploadingArtifacts", "Succeeded"]
        count = writes(cluster, user)
        # Preparing, Running, the outcome, the end; a pending word comes first where the kubelet is slow.
        assert 4 <= count["patch trainingjobs"] <= 5
        assert (count["create pods"], count["patch pods"]) == (1, 0)


def test_job_without_code_and_artifacts_pays_for_neither(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with operated(cluster, user, tmp_path, by_name(), "--status-interval", "300") as at:
        user.apply_job("mnist", image=IMAGE)
        user.wait_finished("mnist", seconds=60)
        status = at.settle("mnist")["status"]
        assert not status.keys() & {"ending", "artifacts", "metrics", "source"}
        assert at.condition("mnist", "ArtifactsComplete") == {}
        (pod,) = user.pods("mnist").values()
        assert "initContainers" not in pod["spec"]


def test_volume_of_a_driver_is_in_the_pod_read_only_as_the_server_takes_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    given = {"driver": "bucket.csi.example.com", "volumeAttributes": {"bucketName": "digits"}}
    user.kubectl("label", "namespace", user.namespace, "pod-security.kubernetes.io/enforce=restricted")
    with operated(cluster, user, tmp_path, by_name()):
        user.apply_job("mnist", image=IMAGE, inputs=[{"name": "train", "csi": given}])
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        (pod,) = user.pods("mnist").values()
        (volume,) = (volume for volume in pod["spec"]["volumes"] if "csi" in volume)
        assert volume["csi"] == {**given, "readOnly": True}
        (container,) = pod["spec"]["containers"]
        (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == volume["name"])
        assert mount == {"name": volume["name"], "mountPath": "/trainingjob/inputs/train", "readOnly": True}


def test_worker_of_an_mpi_job_is_stopped_and_stays_until_it_has_uploaded(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    script = mpi_script(Run(seconds=1))
    with operated(cluster, user, tmp_path, script) as at:
        user.apply_job("ring", **{**MPI, **OUTPUTS})
        job, complete = ended(at, "ring")
        assert (job["status"]["phase"], complete) == ("Succeeded", ("True", "Uploaded"))
        assert [artifact["name"] for artifact in job["status"]["artifacts"]] == ["worker-0"]
        pods = user.pods("ring")
        assert pods["ring-worker-0"]["spec"]["activeDeadlineSeconds"] == 1
        assert set(pods) == {"ring-launcher-0", "ring-worker-0"}
        assert writes(cluster, user)["patch pods"] == 1
        assert {name: len(uids) for name, uids in at.kubelet.seen.items() if len(uids) > 1} == {}


WRONG: Mapping[str, tuple[Upload, str, str]] = {
    "nonsense": (Upload(report="You are hacked."), "InvalidReport", "no JSON"),
    "elsewhere": (Upload(fields={"uri": "s3://hacked/x"}), "InvalidReport", "another folder"),
    "killed": (Upload(exit_code=137, report=""), "SidecarLost", "exit code 137"),
    "incomplete": (
        Upload(exit_code=1, fields={"complete": False, "problem": "no space"}),
        "UploadIncomplete",
        "no space",
    ),
}


def test_upload_that_went_wrong_is_told_and_the_outcome_stays(cluster: Cluster, user: User, tmp_path: Path) -> None:
    runs = {f"{name}_worker_0": Run(upload=upload) for name, (upload, _, _) in WRONG.items()}
    with operated(cluster, user, tmp_path, by_name(**runs)) as at:
        for name in WRONG:
            user.apply_job(name, **KEEPS)
        for name, (_, reason, words) in WRONG.items():
            job, complete = ended(at, name)
            assert (job["status"]["phase"], complete) == ("Succeeded", ("False", reason))
            assert words in at.condition(name, "ArtifactsComplete")["message"]
            assert "hacked" not in str(job["status"])


def test_required_artifacts_that_are_missing_turn_a_success_into_a_failure(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    lost = Run(upload=Upload(exit_code=137, report=""))
    with operated(cluster, user, tmp_path, by_name(worker_0=lost)) as at:
        user.apply_job("mnist", **{**KEEPS, "outputs": {**KEEPS["outputs"], "required": True}})
        job, complete = ended(at, "mnist")
        status = job["status"]
        assert (status["phase"], status["reason"], complete) == (
            "Failed",
            "ArtifactsIncomplete",
            ("False", "SidecarLost"),
        )
        assert status["ending"]["phase"] == "Succeeded"


def test_failure_keeps_its_artifacts_and_every_replica_that_runs_is_stopped_for_them(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=Run(exit_code=3, upload=SLOW))) as at:
        job = {**KEEPS, "outputs": {**KEEPS["outputs"], "replicas": "All"}, "multiWorker": {"workers": 2}}
        user.apply_job("mnist", **job, maxRestarts=0)
        uploading(user, "mnist")
        at.kubelet.announce("uploaded")
        stored, complete = ended(at, "mnist")
        assert (stored["status"]["phase"], complete) == ("Failed", ("True", "Uploaded"))
        assert [artifact["name"] for artifact in stored["status"]["artifacts"]] == ["worker-0", "worker-1"]
        assert [failure["pod"] for failure in stored["status"]["failures"]] == ["mnist-worker-1"]


def test_preparation_that_is_refused_fails_the_job_at_once(cluster: Cluster, user: User, tmp_path: Path) -> None:
    refused = Run(init_exit_code=65, init_message="fetching\nThe repository has no ref 'main'.")
    with operated(cluster, user, tmp_path, by_name(worker_0=refused)) as at:
        user.apply_job("mnist", **BRINGS)
        user.wait_finished("mnist", seconds=60)
        status = at.settle("mnist")["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "SourceFailed")
        assert status["message"].endswith("The repository has no ref 'main'.")
        assert at.counts("mnist") == (0, 0, 0)
        assert len(at.kubelet.seen["mnist-worker-0"]) == 1


def test_outcome_stands_whatever_is_asked_while_artifacts_are_uploaded(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, lambda _: Run(upload=SLOW)) as at:
        for asked in ("cancel", "suspend"):
            user.apply_job(asked, **KEEPS)
        for asked in ("cancel", "suspend"):
            uploading(user, asked)
            user.change_job(asked, **{asked: True})
            user.wait_until_observed(asked)
        at.kubelet.announce("uploaded")
        for asked in ("cancel", "suspend"):
            job, complete = ended(at, asked)
            assert (job["status"]["phase"], complete) == ("Succeeded", ("True", "Uploaded"))


def test_pod_that_somebody_deletes_while_it_uploads_changes_nothing_of_the_outcome(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    hangs = Run(upload=Upload(exit_code=None))
    with operated(cluster, user, tmp_path, by_name(worker_0=hangs)) as at:
        user.apply_job("mnist", **KEEPS)
        uploading(user, "mnist")
        user.kubectl("delete", "pod", "mnist-worker-0", "--grace-period=0", "--force")
        job, complete = ended(at, "mnist")
        assert (job["status"]["phase"], complete) == ("Succeeded", ("False", "SidecarLost"))
        assert len(at.kubelet.seen["mnist-worker-0"]) == 1


def test_operator_that_is_killed_while_artifacts_are_uploaded_goes_on_to_the_same_end(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=Run(upload=SLOW))) as at:
        user.apply_job("mnist", **KEEPS)
        held = uploading(user, "mnist")
        at.process.kill()
        with operator(cluster.kubeconfig, tmp_path, user.namespace, "--status-interval", "1", name="second") as second:
            second.wait_for_log("Working: 1 jobs")
            at.kubelet.announce("uploaded")
            job, complete = ended(at, "mnist")
    assert (job["status"]["ending"], complete) == (held["ending"], ("True", "Uploaded"))


def test_deletes_of_a_restart_give_the_sidecar_its_time(cluster: Cluster, user: User, tmp_path: Path) -> None:
    runs = Run(exit_code=3, stop_after=("looked at",), upload=Upload(exit_code=None)), Run()
    with operated(cluster, user, tmp_path, by_name(worker_0=runs)) as at:
        user.apply_job("mnist", **KEEPS, stopGraceSeconds=5)
        user.wait_for_phase("mnist", "Restarting")
        pod = wait_until(
            lambda: user.pods("mnist")["mnist-worker-0"], lambda found: "deletionTimestamp" in found["metadata"], 60
        )
        assert pod["metadata"]["deletionGracePeriodSeconds"] == 605
        assert pod["spec"]["terminationGracePeriodSeconds"] == 605
        assert at.condition("mnist", "ArtifactsComplete") == {}
