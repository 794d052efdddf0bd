"""The uploading sidecar as a process against real servers of stores: what it keeps, and what it survives."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.object_server import StoreServer
from tests.support.object_store import ObjectServer
from tests.support.stores import each_store, of_kind
from tests.support.uploading import Pod, newest_manifest, read_artifact
from tests.support.waiting import wait_until

FOLDER = "team/mnist/uid/0/worker-0"


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreServer]:
    with of_kind(request)(tmp_path / "server") as running:
        yield running


@pytest.fixture
def pod(tmp_path: Path, server: StoreServer) -> Iterator[Pod]:
    credentials = server.write_credentials(tmp_path / "credentials")
    made = Pod(tmp_path / "pod", server.uri(FOLDER), str(credentials))
    yield made
    made.kill()


@each_store
def test_program_that_ends_leaves_everything_under_the_digest_that_is_reported(server: StoreServer, pod: Pod) -> None:
    pod.write("outputs/model.keras", b"m" * 100_000)
    pod.write("outputs/deep/er/weights ü.bin", b"w" * 20_000_000)
    pod.write("logs/train.log", b"step 1\n")
    pod.write("other/left alone", b"")
    pod.start()
    report = pod.end()
    name = newest_manifest(server.keys(), FOLDER)
    assert name is not None
    assert report.complete
    assert (report.uri, report.problem, report.files, report.bytes) == (pod.prefix, "", 3, 20_100_007)
    assert report.sha256 == hashlib.sha256(server.read(name)).hexdigest()
    found, digests = read_artifact(server.read, FOLDER, name)
    assert found.complete
    assert digests == pod.tree("outputs", "logs")
    assert server.secret not in pod.log + (pod.folder / "message").read_text()


@each_store
def test_program_of_the_page_downloads_what_the_report_names(server: StoreServer, pod: Pod, tmp_path: Path) -> None:
    pod.write("outputs/deep/model", b"m" * 100_000)
    pod.write("logs/train.log", b"step 1\n")
    pod.start()
    report = pod.end()
    page = (Path(__file__).parents[2] / "docs" / "artifacts.md").read_text()
    (tmp_path / "download.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    words: list[str | Path] = [
        sys.executable,
        tmp_path / "download.py",
        report.uri,
        str(report.sha256),
        tmp_path / "copy",
    ]
    done = subprocess.run(words, env={**os.environ, **server.environment}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2 files\n", "")
    copied = {path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {Path("outputs/deep/model"), Path("logs/train.log")}


@each_store
def test_log_that_grows_is_in_the_store_while_the_program_runs(server: StoreServer, pod: Pod) -> None:
    pod.start()
    log = pod.write("logs/train.log", b"", age=0)
    lines = iter(range(10_000))

    def line_arrives() -> bool:
        with log.open("a") as file:
            file.write(f"step {next(lines)}\n")
        return bool(server.keys(f"{FOLDER}/logs"))

    wait_until(line_arrives, 120, every=0.2)
    assert server.read(f"{FOLDER}/logs/train.log").startswith(b"step 0\nstep 1\n")
    name = wait_until(lambda: newest_manifest(server.keys(), FOLDER), 120)
    found, _ = read_artifact(server.read, FOLDER, name)
    assert (found.complete, [file.growing for file in found.files]) == (False, [True])
    assert pod.end().complete
    last = newest_manifest(server.keys(), FOLDER)
    assert last is not None
    found, digests = read_artifact(server.read, FOLDER, last)
    assert digests == pod.tree("logs")
    assert not any(file.growing for file in found.files)


def test_sidecar_killed_in_mid_upload_goes_on_and_sends_nothing_twice(server: ObjectServer, pod: Pod) -> None:
    pod.task = {"stream": ("outputs", "logs")}
    small = [pod.write(f"outputs/{number}", bytes([number]) * 20_000_000) for number in range(3)]
    with (pod.workspace / "outputs" / "z").open("wb") as file:
        file.truncate(300_000_000)
    pod.start()
    wait_until(lambda: pod.log.count("uploaded outputs/") >= len(small), 120)
    wait_until(lambda: list((server.objects / "runs/.sgwtmp/multipart").glob("*/*/2")), 120)
    pod.kill()
    assert not server.keys(f"{FOLDER}/outputs/z")
    pod.start()
    report = pod.end()
    assert report.complete
    assert report.files == 4
    assert [pod.log.count(f"uploaded outputs/{number}:") for number in range(3)] == [1, 1, 1]
    name = newest_manifest(server.keys(), FOLDER)
    assert name is not None
    _, digests = read_artifact(server.read, FOLDER, name)
    assert digests == pod.tree("outputs")


def test_file_that_is_on_its_way_when_the_program_ends_is_not_begun_anew(server: ObjectServer, pod: Pod) -> None:
    with pod.write("logs/z").open("wb") as file:
        file.truncate(200_000_000)
    pod.start()
    wait_until(lambda: list((server.objects / "runs/.sgwtmp/multipart").glob("*/*/2")), 120)
    pod.write("outputs/model", b"model")
    report = pod.end()
    assert (report.complete, report.files) == (True, 2)
    assert pod.log.count("uploaded logs/z: 200,000,000 bytes") == 1


def test_store_that_is_down_when_the_program_ends_is_waited_for(server: StoreServer, pod: Pod) -> None:
    pod.start()
    wait_until(lambda: server.read_all("owner.json"), 120)
    server.stop()
    pod.write("outputs/model", b"model")
    pod.send(signal.SIGTERM)
    wait_until(lambda: "no connection to the store. Trying again." in pod.log, 120)
    server.start()
    assert pod.wait() == 0
    assert pod.report().complete
    assert server.read(f"{FOLDER}/outputs/model") == b"model"


def test_store_that_stays_down_is_reported_with_the_last_manifest_before(server: StoreServer, pod: Pod) -> None:
    pod.task = {"grace_seconds": 10}
    pod.write("logs/train.log", b"step 1\n")
    pod.start()
    name = wait_until(lambda: newest_manifest(server.keys(), FOLDER), 120)
    digest = hashlib.sha256(server.read(name)).hexdigest()
    server.stop()
    pod.write("outputs/model", b"model")
    report = pod.end()
    assert not report.complete
    assert (report.sha256, report.files) == (digest, 1)
    assert report.problem.startswith("1 of 2 files were not uploaded within 10 s. Could not write s3://runs/")
    assert report.problem.endswith("there is no connection to the store.")


def test_store_that_hangs_holds_nobody_up_beyond_the_grace(pod: Pod) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (Path(pod.credentials) / "AWS_ENDPOINT_URL").write_text(address)
        pod.task = {"grace_seconds": 4}
        pod.write("outputs/model", b"model")
        pod.start()
        report = pod.end()
    assert (report.uri, report.sha256, report.complete) == (pod.prefix, None, False)
    assert report.problem == "The artifact was not uploaded within 4 s. The store does not answer."


def test_metrics_travel_in_the_report_and_their_history_is_part_of_the_artifact(server: StoreServer, pod: Pod) -> None:
    pod.task = {"metrics": "logs/metrics.jsonl", "report_bytes": 700}
    names = [f"metric_{number:02d}" for number in range(40)]
    lines = [json.dumps({"name": name, "value": step, "step": step}) for step in range(3) for name in names]
    pod.write("logs/metrics.jsonl", "\n".join([*lines, "hostile", '{"name": "x", "value": NaN}']).encode())
    pod.start()
    report = pod.end()
    assert report.complete
    assert [(metric.name, metric.value, metric.step) for metric in report.metrics][:2] == [
        ("metric_00", 2, 2),
        ("metric_01", 2, 2),
    ]
    assert 1 < len(report.metrics) < 40
    assert (pod.folder / "message").stat().st_size <= 700
    assert server.read(f"{FOLDER}/logs/metrics.jsonl").startswith(lines[0].encode())


def test_newest_metrics_are_served_while_the_program_runs_and_nothing_is_uploaded(
    server: StoreServer, pod: Pod
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pod.task = {"metrics": "logs/metrics.jsonl", "metrics_port": port, "interval_seconds": 3600}
    (pod.workspace / "logs").mkdir()
    pod.start()
    wait_until(lambda: server.read_all("owner.json"), 120)
    for step in (1, 2):
        with (pod.workspace / "logs" / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"name": "loss", "value": 1 / step, "step": step}) + "\nhostile\n")
        expected = [{"name": "loss", "value": 1 / step, "step": step}]
        wait_until(lambda: ask(port, "/metrics.json") == expected, 120)  # noqa: B023 (it is called in this turn)
    assert not server.keys(f"{FOLDER}/logs")
    assert [metric.step for metric in pod.end().metrics] == [2]


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


@each_store
def test_pod_of_a_lost_node_never_writes_into_its_successors_artifact(
    server: StoreServer, pod: Pod, tmp_path: Path
) -> None:
    later = Pod(tmp_path / "later", pod.prefix, pod.credentials, uid="uid-2")
    for one in (pod, later):
        one.write("outputs/model", one.uid.encode())
        one.start()
        wait_until(lambda: f"{one.uid}" in server.read_all("owner.json"), 120)  # noqa: B023 (it is called in this turn)
    assert (later.end().uri, pod.end().uri) == (f"{pod.prefix}.1", pod.prefix)
    assert server.read(f"{FOLDER}/outputs/model") == b"uid-1"
    assert server.read(f"{FOLDER}.1/outputs/model") == b"uid-2"


@each_store
def test_keys_of_somebody_else_are_reported_with_the_stores_own_word(server: StoreServer, pod: Pod) -> None:
    key, value, word = server.wrong
    (Path(pod.credentials) / key).write_text(value)
    pod.start()
    report = pod.end()
    assert (report.uri, report.complete, report.sha256) == (pod.prefix, False, None)
    assert report.problem.endswith(f"the store does not allow it ({word}).")
    assert value not in pod.log


@each_store
def test_bucket_that_is_absent_is_reported_with_the_stores_own_word(server: StoreServer, pod: Pod) -> None:
    pod.prefix = f"{server.scheme}://absent/x"
    pod.start()
    report = pod.end()
    assert (report.uri, report.complete, report.sha256) == (pod.prefix, False, None)
    assert report.problem.endswith(f"the bucket does not exist ({server.absent}).")


@pytest.mark.parametrize("server", ["az"], indirect=True)
def test_name_that_azure_would_change_makes_the_artifact_incomplete(server: StoreServer, pod: Pod) -> None:
    for path in ("outputs/model", "outputs/a\\b", "outputs/v1./model"):
        pod.write(path)
    pod.start()
    report = pod.end()
    assert (report.complete, report.files) == (False, 1)
    assert r"Azure takes no name with `\` in it or with `.` at the end of a part. 1 more are missing." in report.problem
    assert set(server.keys(f"{FOLDER}/outputs")) == {f"{FOLDER}/outputs/model"}


def test_keys_that_are_exchanged_while_the_program_runs_are_taken(server: StoreServer, pod: Pod) -> None:
    name, wrong, word = server.wrong
    key = Path(pod.credentials) / name
    good = key.read_text()
    pod.start()
    wait_until(lambda: server.read_all("owner.json"), 120)
    # A sidecar that has read its keys has no need of others as long as they are good.
    pod.kill()
    key.write_text(wrong)
    pod.write("logs/a", b"a")
    pod.start()
    wait_until(lambda: word in pod.log, 120)
    key.write_text(good)
    wait_until(lambda: server.keys(f"{FOLDER}/logs"), 120)
    assert pod.end().complete


def test_bucket_that_is_made_later_gets_the_artifact(server: ObjectServer, pod: Pod) -> None:
    pod.prefix = pod.prefix.replace("runs", "later")
    pod.write("outputs/model", b"model")
    pod.start()
    wait_until(lambda: server.absent in pod.log, 120)
    server.make_bucket("later")
    assert pod.end().complete
