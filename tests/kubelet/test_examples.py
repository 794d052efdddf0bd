"""The examples train to their end on a real kubelet, have learned, and leave models that read what they printed."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.kubelet.conftest import newcomer
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
# Those with many pods come first: they have the machine to themselves for the shortest time.
ESTIMATOR = Example("tensorflow-estimator", teller="evaluator-0")
KERAS = Example("keras")
ONNX = Example("onnx-export")
OF_GIT = Example("tensorflow-single", manifest="job-git.yaml", before=("claim.yaml", "data.yaml"))
TRAINED = [
    ESTIMATOR,
    Example("horovod-digits", teller="launcher-0"),
    Example("tensorflow-parameter-server", teller="chief-0"),
    Example("tensorflow-multi-worker"),
    Example("pytorch-ddp"),
    OF_GIT,
    KERAS,
    ONNX,
    Example("sklearn-digits"),
]
LOADED_BY = {
    "tensorflow-multi-worker": (
        "tensorflow-estimator",
        "horovod-digits",
        "tensorflow-parameter-server",
        "tensorflow-multi-worker",
        "tensorflow-single",
    ),
    "sklearn-digits": ("sklearn-digits", "keras"),
    "pytorch-ddp": ("pytorch-ddp",),
}
"""The examples whose models can be loaded in the image of one of them."""


def apply_example(user: User, name: str, manifest: str = "job.yaml") -> str:
    """Apply an example's manifest as it is and return the name of its job."""
    objects = read_manifests(user, name, manifest)
    user.apply(*objects)
    return str(next(item["metadata"]["name"] for item in objects if item["kind"] == "TrainingJob"))


def printed(log: str) -> Read:
    """Return what a program prints at its end: which unseen digits it misreads, and its accuracy."""
    misread = re.findall(r"misread=\[([\d, ]*)\]", log)
    accuracies = re.findall(r"accuracy=(\d\.\d+)", log)
    assert accuracies, log
    return [int(word) for word in misread[-1].split(",") if word] if misread else [], accuracies[-1]


@pytest.fixture(scope="module")
def place(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a person with a store, an index of packages and a repository."""
    folder = tmp_path_factory.mktemp("examples")
    commit = git_server.repository(folder / "git" / "project").commit(files_of("tensorflow-single"))
    with (
        newcomer(cluster) as user,
        ObjectServer(folder / "store", cluster.host_address) as store,
        package_index.serving(cluster.host_address) as index,
        git_server.serve(folder / "git", cluster.host_address) as server,
    ):
        keeper = Keeper(user, store, cluster.host_address)
        yield Place(keeper, index, f"{server.url}/project", commit, folder / "copies")


@pytest.fixture(scope="module")
def trained(place: Place) -> Mapping[str, Ended]:
    """Return what the jobs of all examples that train have left."""
    return place.run_all(TRAINED)


@pytest.fixture(scope="module")
def read(place: Place, trained: Mapping[str, Ended]) -> Mapping[str, Read]:
    """Return what the downloaded models read in pods that have nothing else of the training."""
    found: dict[str, Read] = {}
    for image, names in LOADED_BY.items():
        copies = {name: copy for name in names if (copy := trained[name].copy)}
        models = put_models(place.keeper, f"downloaded/{image}", copies)
        more = needed_for_keras(place) if "keras" in names else {}
        place.user.apply_job(f"read-{image}", **reading(models, image, **more))
    for image in LOADED_BY:
        place.user.wait_finished(f"read-{image}", seconds=300)
        found |= told(place.user.kubectl("logs", f"read-{image}-worker-0"))
    return found


def needed_for_keras(place: Place) -> Object:
    """Return what the job of the example has so that its program finds Keras."""
    (job,) = (item for item in read_manifests(place.user, "keras", "job.yaml") if item["kind"] == "TrainingJob")
    spec = place.here(job["spec"])
    return {name: spec[name] for name in ("environment", "env")}


@pytest.mark.parametrize(
    ("example", "kept", "stopped"),
    [
        ("sklearn-digits", {"worker-0"}, set()),
        ("tensorflow-estimator", {"chief-0", "evaluator-0"}, {"ps-0"}),
        ("tensorflow-parameter-server", {"chief-0"}, {"ps-0", "worker-0", "worker-1"}),
        ("tensorflow-multi-worker", {"worker-0"}, set()),
        # Worker 0 is stopped and not deleted: it uploads what rank 0 has left.
        ("horovod-digits", {"launcher-0", "worker-0"}, {"worker-1"}),
        ("pytorch-ddp", {"worker-0"}, set()),
        ("tensorflow-single", {"worker-0"}, set()),
        ("keras", {"worker-0"}, set()),
        ("onnx-export", {"worker-0"}, set()),
    ],
)
def test_example_succeeds_has_learned_and_leaves_what_has_ended(
    place: Place,
    trained: Mapping[str, Ended],
    say: Callable[[str], None],
    example: str,
    kept: set[str],
    stopped: set[str],
) -> None:
    ended = trained[example]
    assert ended.status["phase"] == "Succeeded", (ended.status, ended.log)
    _, accuracy = printed(ended.log)
    assert float(accuracy) > LEARNED
    say(f"{example}: accuracy {accuracy}")
    place.user.wait_until_pods(ended.job, lambda pods: not {f"{ended.job}-{name}" for name in stopped} & set(pods))
    assert {f"{ended.job}-{name}" for name in kept} <= set(place.user.pods(ended.job))


@pytest.mark.parametrize("example", [name for names in LOADED_BY.values() for name in names])
def test_model_that_the_status_names_reads_what_its_training_run_printed(
    trained: Mapping[str, Ended], read: Mapping[str, Read], example: str
) -> None:
    ended = trained[example]
    assert ended.copy is not None, ended.status
    misread, accuracy = printed(ended.log)
    # Who scores the estimator never sees single digits.
    expected = read[example] if example != ESTIMATOR.folder else ([], read[example][1])
    assert (misread, accuracy) == expected


def test_exported_model_gives_the_same_answers_under_onnxruntime(trained: Mapping[str, Ended]) -> None:
    ended = trained[ONNX.folder]
    assert ended.copy is not None, ended.status
    environment = {**os.environ, "PYTHONPATH": str(packages_here(["onnxruntime>=1.20,<2"]))}
    words: list[str | Path] = [sys.executable, EXAMPLES / ONNX.folder / "check.py", ended.copy]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed(done.stdout) == printed(ended.log)


def test_code_of_git_has_its_own_packages_reads_a_claim_and_leaves_checkpoints_and_event_files(
    place: Place, trained: Mapping[str, Ended]
) -> None:
    ended = trained[OF_GIT.folder]
    assert ended.status["source"] == {"commit": place.commit}
    assert "scikit_learn 1.5.2" in ended.installed
    assert ended.copy is not None, ended.status
    assert (ended.copy / "outputs" / "checkpoints" / "epoch-010.keras").exists()
    assert list((ended.copy / "logs" / "train").glob("events.out.tfevents.*"))


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
    assert "worker-0 has outputs/checkpoints/epoch-010.keras\n" in found
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
