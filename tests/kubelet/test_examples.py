"""The examples train to their end on a real kubelet, have learned, and leave models that read what they printed."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support import git_server, package_index
from tests.support.artifact_jobs import Keeper
from tests.support.example_runs import EXAMPLES, Ended, Example, Place, files_of, read_manifests
from tests.support.object_store import ObjectServer
from tests.support.predicting import Read, put_models, reading, told
from tests.support.user import Object, User
from tests.support.wheels import packages_here

pytestmark = pytest.mark.kubelet

LEARNED = 0.85
"""Guessing one of ten digits is right in 0.1 of the cases."""
OF_GIT = Example("tensorflow-single", manifest="job-git.yaml", before=("claim.yaml", "data.yaml"))


def apply_example(user: User, name: str, manifest: str = "job.yaml") -> str:
    """Apply an example's manifest as it is and return the name of its job."""
    objects = read_manifests(user, name, manifest)
    user.apply(*objects)
    return str(next(item["metadata"]["name"] for item in objects if item["kind"] == "TrainingJob"))


def printed(log: str) -> Read:
    """Return what a program prints at its end: which unseen digits it misreads, if it knows, and its accuracy."""
    misread = re.findall(r"misread=\[([\d, ]*)\]", log)
    accuracies = re.findall(r"accuracy=(\d\.\d+)", log)
    assert accuracies, log
    return [int(word) for word in misread[-1].split(",") if word] if misread else [], accuracies[-1]


def download(place: Place, ended: Ended, folder: Path) -> Path:
    """Return the job's only artifact, downloaded by the address and the digest of its status."""
    (artifact,) = ended.status["artifacts"]
    assert artifact["complete"], artifact
    return place.keeper.download(artifact, folder)


def read_again(place: Place, example: Example, copy: Path, **more: Object) -> Read:
    """Return what a downloaded model reads in a pod that has nothing else of the training."""
    models = put_models(place.keeper, "downloaded", {example.folder: copy})
    place.user.apply_job("read", **reading(models, example.loaded_by, **more))
    assert place.user.wait_finished("read", seconds=180)["phase"] == "Succeeded"
    return told(place.user.kubectl("logs", "read-worker-0"))[example.folder]


@pytest.fixture
def place(cluster: Cluster, user: User, tmp_path: Path) -> Iterator[Place]:
    """Return a person with a store, an index of packages and a repository."""
    commit = git_server.repository(tmp_path / "git" / "project").commit(files_of("tensorflow-single"))
    with (
        ObjectServer(tmp_path / "store", cluster.host_address) as store,
        package_index.serving(cluster.host_address) as index,
        git_server.serve(tmp_path / "git", cluster.host_address) as server,
    ):
        keeper = Keeper(user, store, cluster.host_address)
        yield Place(keeper, index, f"{server.url}/project", commit)


@pytest.mark.parametrize(
    ("example", "kept", "stopped"),
    [
        (Example("sklearn-digits", loaded_by="sklearn-digits"), {"worker-0"}, set()),
        (Example("tensorflow-estimator", teller="evaluator-0"), {"chief-0", "evaluator-0"}, {"ps-0"}),
        (
            Example("tensorflow-parameter-server", teller="chief-0"),
            {"chief-0"},
            {"ps-0", "worker-0", "worker-1"},
        ),
        (Example("tensorflow-multi-worker"), {"worker-0"}, set()),
        # Worker 0 is stopped and not deleted: it uploads what rank 0 has left.
        (Example("horovod-digits", teller="launcher-0"), {"launcher-0", "worker-0"}, {"worker-1"}),
        (Example("pytorch-ddp", loaded_by="pytorch-ddp"), {"worker-0"}, set()),
    ],
    ids=lambda value: value.folder if isinstance(value, Example) else None,
)
def test_example_has_learned_leaves_what_has_ended_and_a_model_that_reads_the_same(
    place: Place, tmp_path: Path, say: Callable[[str], None], example: Example, kept: set[str], stopped: set[str]
) -> None:
    ended = place.run(example)
    misread, accuracy = printed(ended.log)
    assert float(accuracy) > LEARNED
    say(f"{example.folder}: accuracy {accuracy}")
    job = ended.job
    place.user.wait_until_pods(job, lambda pods: not {f"{job}-{name}" for name in stopped} & set(pods))
    assert {f"{job}-{name}" for name in kept} <= set(place.user.pods(job))

    again = read_again(place, example, download(place, ended, tmp_path / "copy"))
    # Who scores the estimator never sees single digits.
    assert again == (misread or again[0], accuracy)


def test_keras_is_installed_for_the_job_and_its_model_reads_the_same(place: Place, tmp_path: Path) -> None:
    keras = Example("keras", loaded_by="sklearn-digits")
    ended = place.run(keras)
    assert ended.log.startswith("Keras 3.")
    assert float(printed(ended.log)[1]) > LEARNED
    needed = {name: ended.spec[name] for name in ("environment", "env")}
    assert read_again(place, keras, download(place, ended, tmp_path / "copy"), **needed) == printed(ended.log)


def test_exported_model_gives_the_same_answers_under_onnxruntime(place: Place, tmp_path: Path) -> None:
    ended = place.run(Example("onnx-export"))
    assert float(printed(ended.log)[1]) > LEARNED
    environment = {**os.environ, "PYTHONPATH": str(packages_here(["onnxruntime>=1.20,<2"]))}
    words: list[str | Path] = [sys.executable, EXAMPLES / "onnx-export" / "check.py"]
    words.append(download(place, ended, tmp_path / "copy"))
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed(done.stdout) == printed(ended.log)


def test_code_of_git_has_its_own_packages_reads_a_claim_and_leaves_model_checkpoints_and_event_files(
    place: Place, tmp_path: Path
) -> None:
    ended = place.run(OF_GIT)
    assert float(printed(ended.log)[1]) > LEARNED
    assert ended.status["source"] == {"commit": place.commit}
    assert "scikit_learn 1.5.2" in place.user.kubectl("logs", f"{ended.job}-worker-0", "-c", "install-packages")
    copy = download(place, ended, tmp_path / "copy")
    assert (copy / "checkpoints" / "epoch-010.keras").exists()
    assert list((copy / "logs" / "train").glob("events.out.tfevents.*"))
    assert read_again(place, OF_GIT, copy) == printed(ended.log)


def test_code_of_a_folder_leaves_model_checkpoints_and_event_files_in_a_claim(user: User) -> None:
    user.kubectl("apply", "-k", str(EXAMPLES / "tensorflow-single"))
    status = user.wait_finished("tensorflow-single", seconds=400)
    log = user.kubectl("logs", "tensorflow-single-worker-0")
    assert status["phase"] == "Succeeded", (status, log)
    (artifact,) = status["artifacts"]
    assert artifact["complete"]
    claim, _, folder = artifact["uri"].removeprefix(f"pvc://{user.namespace}/").partition("/")
    assert claim == "runs"

    attempt = folder.removesuffix("/worker-0")
    models = {"pvc": {"claimName": "runs", "path": attempt}, "mode": "mount"}
    user.apply_job("read", **reading(models, "tensorflow-multi-worker"))
    assert user.wait_finished("read", seconds=120)["phase"] == "Succeeded"
    found = user.kubectl("logs", "read-worker-0")
    assert told(found) == {"worker-0": printed(log)}
    assert f"worker-0 manifest {artifact['sha256']}\n" in found
    assert "worker-0 has checkpoints/epoch-010.keras\n" in found
    assert "worker-0 has logs/train/events.out.tfevents." in found


@pytest.mark.parametrize(
    ("manifest", "library"),
    [
        ("job.yaml", "Open MPI v4.1"),
        ("job-openmpi5.yaml", "Open MPI v5."),
        ("job-mpich.yaml", "MPICH Version"),
        ("job-intelmpi.yaml", "Intel(R) MPI Library"),
    ],
)
def test_ranks_of_every_mpi_run_on_both_workers(user: User, manifest: str, library: str) -> None:
    """A starter that does not find its hosts runs every rank on the launcher and calls that a success."""
    job = apply_example(user, "mpi-allreduce", manifest)
    status = user.wait_finished(job, seconds=180)
    log = user.kubectl("logs", f"{job}-launcher-0")
    assert status["phase"] == "Succeeded", (status, log)
    ranks = re.findall(r"^rank (\d) of 4 on (\S+)$", log, re.MULTILINE)
    assert sorted(ranks) == [(str(rank), f"{job}-worker-{rank // 2}") for rank in range(4)]
    assert library in log
    assert "sum over 4 ranks on 2 hosts: right" in log
