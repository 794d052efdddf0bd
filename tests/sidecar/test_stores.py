"""Sources, inputs and artifacts of earlier attempts come from real servers of stores."""

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import obstore
import pytest

from tests.support.azure_store import AzureServer
from tests.support.file_server import serve_files
from tests.support.hostile_archives import file, laid_out, tar_of
from tests.support.object_server import StoreServer
from tests.support.stores import each_store, of_kind
from tests.support.uploading import Pod
from tests.support.waiting import wait_until
from trainingjob.contract import names
from trainingjob.contract.tasks import ArchiveSource, DownloadInputs, FetchSource, Input, RestoreArtifact, Task
from trainingjob.sidecar import download, inputs, restore, source
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.remotes import open_remote
from trainingjob.sidecar.targets import open_target

OPERATOR = Path(__file__).parents[2] / "operator"
CODE = tar_of(file("train.py", b"print()"), compression="gz")
NAMES = ["a b.txt", "deep/er/per%41cent", "hash#?q", "ü+~", "star*[x]"]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    """Return a server with an archive, a file of several parts and a folder of oddly named files."""
    with of_kind(request)(tmp_path_factory.mktemp("server") / "server") as running:
        running.store.put("code.tgz", CODE)
        for name in NAMES:
            running.store.put(f"data/{name}", name.encode())
        running.store.put("database", b"begins with the same letters")
        yield running


@pytest.fixture
def credentials(server: StoreServer, tmp_path: Path) -> str:
    return str(server.write_credentials(tmp_path / "credentials"))


def environment(task: Task, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a container as the kubelet would set them."""
    (tmp_path / "message").touch()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONPATH": str(OPERATOR),
        names.TASK_VARIABLE: task.model_dump_json(),
        names.TERMINATION_LOG_VARIABLE: str(tmp_path / "message"),
    }


def run(container: str, task: Task, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """Run a container as the kubelet would."""
    command = [sys.executable, "-m", "trainingjob.sidecar", container]
    return subprocess.run(command, env=environment(task, tmp_path), text=True, capture_output=True, check=False)


def bring(tmp_path: Path, uri: str, credentials: str, **fields: str) -> dict[str, object]:
    """Download one input and return what the program finds."""
    target = tmp_path / "inputs/train"
    wanted = Input(name="train", uri=uri, target=str(target), credentials=credentials, **fields)
    inputs.run(DownloadInputs(inputs=(wanted,)).model_dump_json())
    return laid_out(target)


@each_store
def test_archive_is_fetched_by_the_container_and_no_secret_is_shown(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    (tmp_path / "w").mkdir()
    archive = ArchiveSource(uri=server.uri("code.tgz"), credentials=credentials)
    task = FetchSource(source=archive, workspace=str(tmp_path / "w"), entrypoint="train.py")
    done = run(names.FETCH_SOURCE, task, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "message").read_text()) == {
        "uri": server.uri("code.tgz"),
        "sha256": hashlib.sha256(CODE).hexdigest(),
    }
    assert f"The archive {server.uri('code.tgz')}: 1 files, 7 bytes" in done.stdout
    assert server.secret not in done.stdout + done.stderr


def test_archive_that_is_not_there_ends_the_container_for_good(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    (tmp_path / "w").mkdir()
    archive = ArchiveSource(uri="s3://runs/none.tgz", credentials=credentials)
    done = run(names.FETCH_SOURCE, FetchSource(source=archive, workspace=str(tmp_path / "w")), tmp_path)
    assert done.returncode == names.EXIT_REFUSED
    assert "s3://runs/none.tgz" in (tmp_path / "message").read_text()
    assert server.secret not in done.stdout + done.stderr


def test_archive_of_a_server_that_tells_no_length_is_fetched(tmp_path: Path) -> None:
    """Archives that git hosts make on demand are such files."""
    (tmp_path / "w").mkdir()
    with serve_files(lengths=False, ranges=False) as web:
        web.files = {"code.tar.gz": CODE}
        archive = ArchiveSource(uri=f"{web.url}/code.tar.gz", sha256=hashlib.sha256(CODE).hexdigest())
        source.run(FetchSource(source=archive, workspace=str(tmp_path / "w")).model_dump_json())
    assert laid_out(tmp_path / "w") == {"train.py": b"print()"}


@each_store
@pytest.mark.parametrize("folder", ["data/", "data"])
def test_folder_arrives_with_all_its_names_and_nothing_beside_it(
    server: StoreServer, credentials: str, tmp_path: Path, folder: str
) -> None:
    brought = bring(tmp_path, server.uri(folder), credentials)
    found = {path: content for path, content in brought.items() if content is not None}
    assert found == {name: name.encode() for name in NAMES}


@each_store
def test_large_object_arrives_in_parts(
    server: StoreServer, credentials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_PART", 2**20)
    data = os.urandom(5 * 2**20 + 17)
    server.store.put("large.bin", data)
    digest = hashlib.sha256(data).hexdigest()
    assert bring(tmp_path, server.uri("large.bin"), credentials, sha256=digest) == {"large.bin": data}


def test_second_run_brings_nothing_again(credentials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bring(tmp_path, "s3://runs/data", credentials)
    monkeypatch.setattr(obstore, "get", None)
    assert bring(tmp_path, "s3://runs/data", credentials) == first


IN_SMALL_PARTS = """
import os
from trainingjob.sidecar import download, inputs
download._PART = 2**20
inputs.run(os.environ["TRAININGJOB_TASK"])
"""


def test_container_that_is_killed_and_started_again_goes_on_where_it_was(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    data = os.urandom(1_000_003) * 70
    server.store.put("huge.bin", data)
    target, state = tmp_path / "inputs/huge", tmp_path / "inputs/.huge.download"
    wanted = Input(name="huge", uri="s3://runs/huge.bin", target=str(target), credentials=credentials)
    variables = environment(DownloadInputs(inputs=(wanted,)), tmp_path)
    command = [sys.executable, "-c", IN_SMALL_PARTS]
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL) as first:
        journal = wait_until(
            lambda: next((path for path in state.glob("*.parts") if path.read_text().count("\n") > 3), None),
            60,
            every=0.001,
        )
        first.kill()
    there = {int(line) for line in journal.read_text().split("\n")[1:-1]}
    assert len(there) < len(data) >> 20
    # A mark in a part that is there already: it stays when that part is not brought again.
    expected = bytearray(data)
    with next(state.glob("*.part")).open("r+b") as file:
        for part in there:
            file.seek(part << 20)
            file.write(b"mark")
            expected[part << 20 : (part << 20) + 4] = b"mark"
    subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, check=True)
    assert (target / "huge.bin").read_bytes() == expected


@each_store
def test_object_of_the_same_size_that_was_changed_is_brought_again(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    server.store.put("changing", b"one")
    assert bring(tmp_path, server.uri("changing"), credentials) == {"changing": b"one"}
    server.store.put("changing", b"two")
    assert bring(tmp_path, server.uri("changing"), credentials) == {"changing": b"two"}


@each_store
def test_object_has_one_version_however_it_is_found(server: StoreServer, credentials: str) -> None:
    """What was brought by its own address is known again in its folder, and a condition is one for each server."""
    (alone,) = open_remote(server.uri("data/a b.txt"), credentials).find()
    listed = {file.path: file for file in open_remote(server.uri("data"), credentials).find()}
    assert listed["a b.txt"].version == alone.version
    assert alone.version.startswith('"')


@each_store
async def test_of_many_that_write_a_file_at_once_one_has_written_it(server: StoreServer, credentials: str) -> None:
    target = open_target(server.uri("claimed"), credentials, 5)
    await target.delete(["owner.json"])
    pods = [f"pod {number}".encode() for number in range(20)]
    # None of them finds it: they differ by what the store answers to the writing itself.
    written = await asyncio.gather(*(target.create("owner.json", pod) for pod in pods))
    (winner,) = [pod for pod, has in zip(pods, written, strict=True) if has]
    assert await target.read("owner.json") == winner
    await target.delete(["owner.json"])
    assert await target.read("owner.json") is None


OTHERS: Mapping[str, Callable[[StoreServer], dict[str, str]]] = {
    "gs-file": lambda server: {
        "GOOGLE_APPLICATION_CREDENTIALS": server.environment["GOOGLE_SERVICE_ACCOUNT_KEY"],
        "GOOGLE_BASE_URL": server.environment["GOOGLE_BASE_URL"],
    },
    "az-signature": lambda server: {
        "AZURE_STORAGE_ACCOUNT_NAME": server.environment["AZURE_STORAGE_ACCOUNT_NAME"],
        "AZURE_STORAGE_SAS_TOKEN": f"?{azure(server).shared_access('rcwl')}",
        "AZURE_STORAGE_ENDPOINT": azure(server).endpoint,
    },
    "az-connection": lambda server: {"AZURE_STORAGE_CONNECTION_STRING": azure(server).connection},
}
"""Other keys that a Secret may have in place of those of `environment`."""


def azure(server: StoreServer) -> AzureServer:
    assert isinstance(server, AzureServer)
    return server


@pytest.mark.parametrize(
    ("server", "keys"),
    [(name.partition("-")[0], keys) for name, keys in OTHERS.items()],
    indirect=["server"],
    ids=OTHERS,
)
def test_other_credentials_of_a_store_serve_as_well(
    server: StoreServer, tmp_path: Path, keys: Callable[[StoreServer], dict[str, str]]
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    for name, value in keys(server).items():
        (folder / name).write_text(value)
    pod = Pod(tmp_path / "pod", server.uri(f"others/{tmp_path.name}"), str(folder))
    pod.write("outputs/model", os.urandom(9_000_000))
    pod.start()
    assert pod.end().complete
    brought = bring(tmp_path, f"{pod.prefix}/outputs", str(folder))
    assert brought == {"model": (pod.workspace / "outputs/model").read_bytes()}


@each_store
def test_nothing_in_the_store_is_refused_with_the_inputs_name(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match=f"Input 'train': there is nothing at {server.uri('dat')}"):
        bring(tmp_path, server.uri("dat"), credentials)
    absent = f"Could not list {server.scheme}://none/data: the bucket does not exist ({server.absent})."
    with pytest.raises(RefusedError, match=re.escape(f"Input 'train': {absent}")):
        bring(tmp_path, f"{server.scheme}://none/data", credentials)


@each_store
def test_what_the_sidecar_of_an_attempt_kept_is_what_the_next_one_gets(
    server: StoreServer, credentials: str, tmp_path: Path
) -> None:
    prefix = server.uri("team/mnist/uid")
    pod = Pod(tmp_path / "pod", f"{prefix}/0/worker-0", credentials)
    pod.write("outputs/ckpt/step ü 7.bin", os.urandom(6_000_000))
    pod.write("logs/train.log", b"step 7\n")
    pod.start()
    pod.end()
    target = tmp_path / "resume"
    target.mkdir()
    task = RestoreArtifact(
        prefixes=(f"{prefix}/*",), replica="worker-0", target=str(target), required=True, credentials=credentials
    )
    restore.run(task.model_dump_json())
    expected = laid_out(pod.workspace)
    assert laid_out(target) == expected
    server.store.put("team/mnist/uid/1/worker-0/outputs/half", b"an attempt without a manifest")
    done = run(names.RESTORE_ARTIFACT, task, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "message").read_text())["uri"] == f"{prefix}/0/worker-0"
    assert laid_out(target) == expected
