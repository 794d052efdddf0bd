"""The metrics that a program writes: read with bounds, believed only when they are right, served read-only."""

import http.client
import json
import socket
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.waiting import wait_until
from trainingjob.sidecar import metrics_port
from trainingjob.sidecar.metrics_file import MetricsFile
from trainingjob.sidecar.metrics_port import serve


def read(folder: Path, content: bytes) -> MetricsFile:
    (folder / "metrics.jsonl").write_bytes(content)
    metrics = MetricsFile(folder, "metrics.jsonl")
    metrics.read(last=True)
    return metrics


def values(metrics: MetricsFile) -> dict[str, tuple[float, int | None]]:
    return {metric.name: (metric.value, metric.step) for metric in metrics.newest}


def test_newest_value_of_each_name_counts(tmp_path: Path) -> None:
    lines = [
        {"name": "loss", "value": 2.5, "step": 1},
        {"name": "accuracy", "value": 1},
        {"name": "loss", "value": 0.5, "step": 2, "time": "of no interest"},
    ]
    metrics = read(tmp_path, "\n".join(json.dumps(line) for line in lines).encode())
    assert values(metrics) == {"accuracy": (1, None), "loss": (0.5, 2)}
    assert metrics.refused == 0


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON",
        b"[1]",
        b"7",
        b"\xff\xfe",
        b'{"name": "x"}',
        b'{"value": 1}',
        b'{"name": "x", "value": "1"}',
        b'{"name": "x", "value": null}',
        b'{"name": "x", "value": true}',
        b'{"name": "x", "value": NaN}',
        b'{"name": "x", "value": Infinity}',
        b'{"name": "x", "value": 1e999}',
        b'{"name": "x", "value": ' + b"9" * 4000 + b"}",
        b'{"name": "x", "value": 1, "step": -1}',
        b'{"name": "x", "value": 1, "step": 1.5}',
        b'{"name": "", "value": 1}',
        b'{"name": "a b", "value": 1}',
        b'{"name": "' + b"x" * 64 + b'", "value": 1}',
        b'{"name": "x", "value": 1, "more": "' + b"x" * 5000 + b'"}',
        b"[" * 4000,
        b'{"name": "x", "value": 1} {"name": "x", "value": 2}',
    ],
)
def test_line_that_is_no_metric_is_counted_and_changes_nothing(tmp_path: Path, line: bytes) -> None:
    metrics = read(tmp_path, b'{"name": "y", "value": 1}\n' + line + b'\n{"name": "z", "value": 2}\n')
    assert values(metrics) == {"y": (1, None), "z": (2, None)}
    assert metrics.refused == 1


@given(st.lists(st.one_of(st.binary(max_size=50), st.text(max_size=50).map(str.encode)), max_size=10))
def test_no_bytes_disturb_the_reader(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("metrics")
    file, metrics = folder / "metrics.jsonl", MetricsFile(folder, "metrics.jsonl")
    for part in parts:
        with file.open("ab") as out:
            out.write(part)
        metrics.read()
    with file.open("ab") as out:
        out.write(b'\n{"name": "last", "value": 1}')
    metrics.read(last=True)
    assert values(metrics)["last"] == (1, None)


def test_line_is_read_when_its_end_is_written(tmp_path: Path) -> None:
    file, metrics = tmp_path / "metrics.jsonl", MetricsFile(tmp_path, "metrics.jsonl")
    metrics.read()
    for text, expected in ((b'{"name": "a", ', {}), (b'"value": 1}', {}), (b"\n", {"a": (1, None)})):
        with file.open("ab") as out:
            out.write(text)
        metrics.read()
        assert values(metrics) == expected


def test_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    file, metrics = tmp_path / "metrics.jsonl", MetricsFile(tmp_path, "metrics.jsonl")
    for _ in range(10):
        with file.open("ab") as out:
            out.write(b"x" * 100_000)
        metrics.read()
    with file.open("ab") as out:
        out.write(b'\n{"name": "a", "value": 1}\n')
    metrics.read()
    assert (values(metrics), metrics.refused) == ({"a": (1, None)}, 1)


def test_long_file_is_read_from_its_end(tmp_path: Path) -> None:
    text = b"".join(b'{"name": "a", "value": %d}\n' % number for number in range(400_000))
    assert len(text) > 8 * 2**20
    assert values(read(tmp_path, text)) == {"a": (399_999, None)}


def test_file_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    metrics = read(tmp_path, b'{"name": "a", "value": 1}\n{"name": "a", "value": 2}\n')
    (tmp_path / "metrics.jsonl").write_bytes(b'{"name": "b", "value": 3}\n')
    metrics.read()
    assert values(metrics) == {"a": (2, None), "b": (3, None)}


def test_only_the_first_sixty_four_names_are_kept(tmp_path: Path) -> None:
    text = b"".join(b'{"name": "m%d", "value": 1}\n' % number for number in range(70)) + b'{"name": "m0", "value": 2}\n'
    metrics = read(tmp_path, text)
    assert (len(metrics.newest), metrics.refused, values(metrics)["m0"]) == (64, 6, (2, None))


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b'{"name": "a", "value": 1}\n')
    (tmp_path / "metrics.jsonl").symlink_to("elsewhere")
    metrics = MetricsFile(tmp_path, "metrics.jsonl")
    metrics.read(last=True)
    assert metrics.newest == ()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def test_newest_values_are_served_for_prometheus_and_as_json(tmp_path: Path) -> None:
    port = serve(read(tmp_path, b'{"name": "train/loss", "value": 0.5, "step": 7}\nnonsense\n'), 0)
    status, text = ask(port, "/metrics")
    assert status == 200
    assert 'trainingjob_metric{name="train/loss"} 0.5' in text
    assert 'trainingjob_metric_step{name="train/loss"} 7.0' in text
    assert "trainingjob_metrics_refused_lines_total 1.0" in text
    assert ask(port, "/metrics.json") == (200, '[{"name": "train/loss", "value": 0.5, "step": 7}]')


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/../etc/passwd", 404), ("POST", "/metrics", 405), ("DELETE", "/metrics.json", 405)],
)
def test_nothing_else_is_served(tmp_path: Path, method: str, path: str, status: int) -> None:
    assert ask(serve(read(tmp_path, b""), 0), path, method)[0] == status


def test_clients_that_are_silent_take_little_and_others_are_answered_when_they_have_gone(tmp_path: Path) -> None:
    port = serve(read(tmp_path, b""), 0)
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
    wait_until(lambda: threading.active_count() - before == 16, 60)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(port, "/metrics.json")
    assert threading.active_count() - before == 16
    for connection in silent:
        connection.close()
    wait_until(lambda: threading.active_count() == before, 60)
    assert ask(port, "/metrics.json") == (200, "[]")


@pytest.mark.parametrize("begun", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\n"])
@pytest.mark.parametrize("resets", [True, False])
def test_client_that_resets_or_is_silent_leaves_nothing_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], begun: bytes, resets: bool
) -> None:
    monkeypatch.setattr(metrics_port._Handler, "timeout", 60 if resets else 0.1)
    port = serve(read(tmp_path, b""), 0)
    before = set(threading.enumerate())
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(begun)
        if resets:
            wait_until(lambda: bool(set(threading.enumerate()) - before), 60)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        else:
            client.settimeout(60)
            while client.recv(4096):
                pass
    wait_until(lambda: not set(threading.enumerate()) - before, 60)
    assert capsys.readouterr() == ("", "")


def test_error_of_its_own_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of its own")

    monkeypatch.setattr(metrics_port._Handler, "handle", fail)
    port = serve(read(tmp_path, b""), 0)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(port, "/metrics")
    assert "RuntimeError: of its own" in capsys.readouterr().err


def test_port_that_is_taken_is_told_and_nothing_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = read(tmp_path, b"")
    port = serve(metrics, 0)
    assert serve(metrics, port) == 0
    assert capsys.readouterr().out == f"Metrics are not served on port {port}: Address already in use.\n"
