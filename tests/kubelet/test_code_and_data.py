"""Code, packages and data reach a program on a real kubelet, and what is wrong with them reaches its owner."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from devtools.cluster import Cluster
from tests.support import csi_nodes, git_server, package_index
from tests.support.artifact_jobs import COUNT, SECRET, Keeper, kept_in, plain
from tests.support.node_jobs import DONE, python
from tests.support.object_store import ObjectServer
from tests.support.package_index import PackageIndex
from tests.support.user import User

pytestmark = pytest.mark.kubelet

POD = "digits-worker-0"
DIGEST = """
import hashlib, os
from pathlib import Path
from helpers import told

for path in sorted(Path(os.environ["INPUT_TRAIN"]).rglob("*")):
    if path.is_file():
        told(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""

READ_AND_WRITE = """
import os
from pathlib import Path

file = Path(os.environ["INPUT_TRAIN"], "a.txt")
print(file.read_text(), flush=True)
try:
    file.write_text("spoilt")
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture
def index(cluster: Cluster) -> Iterator[PackageIndex]:
    """Return a package index, which pods reach."""
    with package_index.serving(cluster.host_address) as served:
        yield served


def test_program_of_a_git_repository_reads_the_data_of_a_store(cluster: Cluster, user: User, tmp_path: Path) -> None:
    repository = git_server.repository(tmp_path / "git" / "code")
    repository.commit({"digits/train.py": "raise SystemExit('not this one')"})
    wanted = repository.commit(
        {"digits/train.py": DIGEST, "digits/helpers.py": "def told(*words): print(*words, flush=True)"}
    )
    data = {"a.bin": b"a" * 100_000, "b/c.bin": b"c" * 9_000_000}
    with (
        ObjectServer(tmp_path / "store", cluster.host_address) as store,
        git_server.serve(tmp_path / "git", cluster.host_address) as server,
    ):
        server.require("reader", "password-of-the-reader")
        keeper = Keeper(user, store, cluster.host_address)
        keeper.keep_secret("git", username="reader", password="password-of-the-reader")
        for name, content in data.items():
            obstore.put(store.store, f"data/{name}", content)
        code = {"url": f"{server.url}/code", "ref": "main", "path": "digits", "secretRef": {"name": "git"}}
        user.apply_job(
            "digits",
            **plain(),
            source={"git": code},
            entrypoint="train.py",
            inputs=[{"name": "train", "uri": f"s3://{store.bucket}/data/", "secretRef": {"name": SECRET}}],
        )
        status = user.wait_finished("digits", seconds=180)
        said = keeper.everything_to_read("digits")
    assert status["phase"] == "Succeeded", said
    assert status["source"] == {"commit": wanted}
    log = user.kubectl("logs", POD).splitlines()
    assert log == [f"{Path(name).name} {hashlib.sha256(content).hexdigest()}" for name, content in data.items()]
    assert [secret for secret in (*keeper.planted, "password-of-the-reader") if secret in said] == []


def test_volume_of_a_driver_of_the_node_can_be_read_and_not_be_written(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "a.txt").write_text("the data")
    with csi_nodes.driving(cluster, user, tmp_path) as driven:
        secret = {"metadata": {"name": "driver"}, "stringData": {"password": driven.password}}
        user.apply({"apiVersion": "v1", "kind": "Secret", **secret})
        user.apply_job(
            "digits",
            **python(READ_AND_WRITE, maxRestarts=0),
            inputs=[{"name": "train", "csi": driven.volume("bucket", "driver")}],
            nodeSelector={"kubernetes.io/hostname": driven.node},
        )
        status = user.wait_finished("digits", seconds=180)
        log = user.kubectl("logs", POD)
        # Without its driver a kubelet takes no volume out of a pod.
        user.kubectl("delete", "pod", POD)
    assert status["phase"] == "Succeeded", (status, log)
    assert log.splitlines() == ["the data", "Read-only file system"]
    assert (tmp_path / "bucket" / "a.txt").read_text() == "the data"


def test_archive_goes_on_from_what_an_earlier_job_has_kept(cluster: Cluster, user: User, tmp_path: Path) -> None:
    with ObjectServer(tmp_path / "store", cluster.host_address) as store:
        keeper = Keeper(user, store, cluster.host_address)
        five = COUNT.replace(f"while not os.path.exists({DONE!r})", "for _ in range(5)")
        archive = packed({"code/train.py": five})
        obstore.put(store.store, "code.tar.gz", archive)
        uri, digest = f"s3://{store.bucket}/code.tar.gz", hashlib.sha256(archive).hexdigest()
        code = {
            "source": {"archive": {"uri": uri, "sha256": digest, "secretRef": {"name": SECRET}}},
            "entrypoint": "code/train.py",
            "outputs": {**kept_in(store), "restore": True},
        }
        user.apply_job("first", **plain(), **code)
        first = user.wait_finished("first", seconds=180)
        assert first["phase"] == "Succeeded", keeper.everything_to_read("first")
        assert first["source"] == {"uri": uri}

        earlier = {"name": "first", "uid": user.job("first")["metadata"]["uid"]}
        user.kubectl("delete", "tjob", "first")
        for name, resume in (("by-job", {"job": earlier}), ("by-uri", {"uri": first["artifacts"][0]["uri"]})):
            user.apply_job(name, **plain(), **code, resumeFrom=resume)
            status = user.wait_finished(name, seconds=180)
            assert status["phase"] == "Succeeded", keeper.everything_to_read(name)
            assert user.kubectl("logs", f"{name}-worker-0").splitlines()[:2] == ["begun with step 5", "step 6"]


def test_program_that_a_job_left_in_a_claim_is_the_source_of_the_next(user: User) -> None:
    user.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "runs"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
        }
    )
    write = "open('/tmp/outputs/second.py', 'w').write('print(\"written by the first\")')"
    kept = {"outputs": {"pvc": {"claimName": "runs"}}, "workingDir": "/tmp"}  # noqa: S108 - in a container of its own
    user.apply_job("first", **plain(), command=["python", "-c", write], **kept)
    (artifact,) = user.wait_finished("first", seconds=180)["artifacts"]
    assert artifact["complete"]

    folder = artifact["uri"].partition("/runs/")[2]
    source = {"pvc": {"claimName": "runs", "path": f"{folder}/outputs"}}
    user.apply_job("second", **plain(), source=source, entrypoint="second.py")
    assert user.wait_finished("second", seconds=180)["phase"] == "Succeeded"
    assert user.kubectl("logs", "second-worker-0") == "written by the first\n"


def packed(files: dict[str, str]) -> bytes:
    """Return an archive of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def test_package_of_an_index_is_there_for_the_program_beside_those_of_the_image(
    user: User, index: PackageIndex
) -> None:
    index.add_wheel("ourmodels", "1.5", scripts=["ourmodels"])
    program = "import ourmodels, os, sklearn, subprocess; subprocess.run(['ourmodels'], check=True)"
    user.apply_job(
        "digits",
        **plain(),
        command=["python", "-c", f"{program}; print('beside', sklearn.__name__)"],
        environment={"pip": ["ourmodels>=1", "scikit-learn"], "indexUrl": index.url},
    )
    status = user.wait_finished("digits", seconds=180)
    assert status["phase"] == "Succeeded", status
    assert sorted(user.kubectl("logs", POD).split("\n")) == [
        "",
        "beside sklearn",
        "ourmodels 1.5 /trainingjob/environment",
    ]
    assert not [path for path in index.asked if "scikit-learn" in path]


def test_package_that_does_not_exist_fails_the_job_at_once_with_the_words_of_pip(
    user: User, index: PackageIndex
) -> None:
    index.add_wheel("ourmodels", "1.5")
    environment = {"pip": ["ourmodels==2"], "indexUrl": index.url}
    user.apply_job("digits", **plain(), command=["python", "-c", ""], environment=environment)
    status = user.wait_finished("digits", seconds=180)
    assert (status["phase"], status["reason"]) == ("Failed", "PackagesFailed")
    assert "No matching distribution found for ourmodels==2" in status["message"]
    assert (status["attempt"], status["restarts"]) == (0, 0)


def test_commit_that_does_not_exist_fails_the_job_at_once_and_names_it(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    git_server.repository(tmp_path / "git" / "code").commit({"train.py": ""})
    with git_server.serve(tmp_path / "git", cluster.host_address) as server:
        source = {"git": {"url": f"{server.url}/code", "ref": "v9"}}
        user.apply_job("digits", **plain(), source=source, entrypoint="train.py")
        status = user.wait_finished("digits", seconds=180)
    assert (status["phase"], status["reason"]) == ("Failed", "SourceFailed")
    assert "v9" in status["message"]
