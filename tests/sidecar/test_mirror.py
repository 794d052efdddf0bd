"""What a program's sidecar streams into a real S3 server stands beside a TensorBoard, while it is written."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.object_store import ObjectServer
from tests.support.uploading import OPERATOR, Pod
from tests.support.waiting import wait_until
from trainingjob.contract import names
from trainingjob.contract.tasks import MirrorEvents

PREFIX = "s3://runs/team/mnist/uid"
EVENTS = "logs/train/events.out.tfevents.1700000000.mnist-worker-0.1.0.v2"


class Mirroring:
    """The container mirror-events, as the kubelet would run it."""

    def __init__(self, folder: Path, credentials: str, prefix: str = PREFIX) -> None:
        self.copy, self._log = folder / "events", folder / "mirror.log"
        self.copy.mkdir(exist_ok=True)
        task = MirrorEvents(
            prefix=prefix,
            stream=("logs",),
            target=str(self.copy),
            interval_seconds=1,
            max_bytes=10**9,
            credentials=credentials,
        )
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PYTHONPATH": str(OPERATOR),
            names.TASK_VARIABLE: task.model_dump_json(),
            names.TERMINATION_LOG_VARIABLE: str(folder / "message"),
        }
        words = [sys.executable, "-m", "trainingjob.sidecar", names.MIRROR_EVENTS]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(words, env=variables, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        """Return what it has printed."""
        return self._log.read_text()

    def wait_for(self, path: str, content: bytes) -> None:
        """Wait until the copy has a file as it should be."""
        file = self.copy / path
        wait_until(lambda: file.is_file() and file.read_bytes() == content, 120)

    def end(self) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ObjectServer]:
    with ObjectServer(tmp_path / "server") as running:
        yield running


@pytest.fixture
def credentials(server: ObjectServer, tmp_path: Path) -> str:
    return str(server.write_credentials(tmp_path / "credentials"))


def test_what_is_streamed_is_copied_while_it_grows_and_after_the_end(
    server: ObjectServer, credentials: str, tmp_path: Path
) -> None:
    pod = Pod(tmp_path / "pod", f"{PREFIX}/0/worker-0", credentials)
    pod.write("outputs/model", b"m" * 1000)
    mirroring = Mirroring(tmp_path, credentials)
    pod.start()
    content = b""
    for step in range(3):
        content += f"step {step};".encode() * 1000
        pod.write(EVENTS, content)
        mirroring.wait_for(f"0/worker-0/{EVENTS}", content)
        if step == 0:
            reader = (mirroring.copy / f"0/worker-0/{EVENTS}").open("rb")
    content += b"the end"
    pod.write(EVENTS, content)
    assert pod.end().complete
    mirroring.wait_for(f"0/worker-0/{EVENTS}", content)
    with reader:
        assert reader.read() == content
    assert not (mirroring.copy / "0/worker-0/outputs").exists()
    assert mirroring.end() == 0
    assert [secret for secret in (server.access_key, server.secret_key) if secret in mirroring.log] == []


def test_store_that_goes_away_is_asked_again_and_a_new_container_goes_on(
    server: ObjectServer, credentials: str, tmp_path: Path
) -> None:
    key = f"team/mnist/uid/0/worker-0/{EVENTS}"
    server.store.put(key, b"first")
    mirroring = Mirroring(tmp_path, credentials)
    mirroring.wait_for(f"0/worker-0/{EVENTS}", b"first")
    mirroring.process.kill()
    mirroring.process.wait()
    server.stop()
    again = Mirroring(tmp_path, credentials)
    wait_until(lambda: again.log.count("Copying event files") == 2, 60)
    server.start()
    server.store.put(key, b"first and second")
    again.wait_for(f"0/worker-0/{EVENTS}", b"first and second")
    assert again.end() == 0


def test_bucket_that_does_not_exist_is_told_and_waited_for(credentials: str, tmp_path: Path) -> None:
    mirroring = Mirroring(tmp_path, credentials, "s3://nowhere/team/mnist/uid")
    wait_until(lambda: "NoSuchBucket" in mirroring.log, 60)
    assert mirroring.process.poll() is None
    assert mirroring.end() == 0
