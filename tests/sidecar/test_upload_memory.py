"""The uploading sidecar needs no more memory for large files, nor for many."""

import hashlib
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.object_store import ObjectServer
from tests.support.uploading import Pod, newest_manifest
from tests.support.waiting import wait_until

MIB = 2**20
MOST = 128 * MIB
FOLDER = "team/mnist/uid/0/worker-0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ObjectServer]:
    with ObjectServer(tmp_path / "server") as running:
        yield running


@pytest.fixture(params=["s3", "file"])
def pod(request: pytest.FixtureRequest, tmp_path: Path, server: ObjectServer) -> Iterator[Pod]:
    credentials = server.write_credentials(tmp_path / "credentials")
    prefix = f"s3://runs/{FOLDER}" if request.param == "s3" else f"file://{tmp_path}/claim/{FOLDER}"
    made = Pod(tmp_path / "pod", prefix, str(credentials), task={"grace_seconds": 1500})
    yield made
    made.kill()
    # The folders of the last runs are kept, and these are large.
    for folder in (tmp_path / "claim", tmp_path / "server" / "objects", made.workspace):
        shutil.rmtree(folder, ignore_errors=True)


def peak(pod: Pod) -> int:
    """Tell the sidecar that the program has ended, and return the most bytes of memory that it ever had."""
    assert pod.process is not None
    status, most = Path(f"/proc/{pod.process.pid}/status"), 0
    pod.send(signal.SIGTERM)

    def ended() -> bool:
        nonlocal most
        assert pod.process is not None
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        most = int(lines.get("VmHWM", f"{most // 1024} kB").split()[0]) * 1024
        return pod.process.poll() is not None

    wait_until(ended, 1500)
    assert pod.wait() == 0, pod.log
    return most


def write_large(pod: Pod, size: int) -> None:
    with pod.write("outputs/large", b"begin").open("ab") as file:
        file.truncate(size - 3)
        file.seek(size - 3)
        file.write(b"end")


def test_large_file_goes_through_little_memory(pod: Pod, say: Callable[[str], None]) -> None:
    write_large(pod, 300 * MIB)
    pod.start()
    most = peak(pod)
    say(f"{pod.log.splitlines()[-1]}, {most // MIB} MiB")
    assert most <= MOST
    assert (pod.report().complete, pod.report().bytes) == (True, 300 * MIB)


@pytest.mark.long
@pytest.mark.parametrize("pod", ["s3"], indirect=True)
def test_file_of_ten_gigabytes_goes_through_little_memory(pod: Pod, say: Callable[[str], None]) -> None:
    write_large(pod, 10_000_000_000)
    pod.start()
    most = peak(pod)
    say(f"{pod.log.splitlines()[-1]}, {most // MIB} MiB")
    assert most <= MOST
    assert (pod.report().complete, pod.report().bytes) == (True, 10_000_000_000)


def test_many_files_go_through_little_memory_and_all_arrive(pod: Pod, server: ObjectServer) -> None:
    for number in range(1000):
        pod.write(f"outputs/{number % 30}/{number}", b"x" * (number % 5000))
    pod.write("outputs/middle", b"m" * 5 * MIB)
    pod.start()
    assert peak(pod) <= MOST
    assert (pod.report().complete, pod.report().files) == (True, 1001)
    if pod.prefix.startswith("s3"):
        name = newest_manifest(server.keys(), FOLDER)
        assert name is not None
        assert hashlib.sha256(server.read(name)).hexdigest() == pod.report().sha256
