"""Processes outlive the tool, are found again, and are never mistaken for others."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.cluster import processes
from devtools.cluster.health import wait_for
from devtools.cluster.processes import Running

_SLEEP = ["/bin/sleep", "1000"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a cluster's folder, and end what was started for it."""
    yield tmp_path
    processes.end(processes.marked(tmp_path), 0)


def _start(folder: Path, *command: str, **options: str) -> Running:
    return processes.start(command or _SLEEP, directory=folder, log=folder / "logs" / "x.log", env=options)


def test_a_started_process_is_nobody_s_child_and_has_a_session_of_its_own(folder: Path) -> None:
    process = _start(folder)
    assert process.alive()
    parent = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    assert os.getsid(process.pid) == process.pid


def test_nothing_of_the_caller_s_environment_is_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    _start(folder, "/bin/sh", "-c", "env; exec sleep 1000", EXTRA="given")
    log = folder / "logs" / "x.log"
    wait_for("the process has printed", lambda: "EXTRA=given" in log.read_text(), 10)
    assert "HTTPS_PROXY" not in log.read_text()


def test_a_process_that_was_never_written_down_is_found_by_its_folder(folder: Path) -> None:
    process = _start(folder)
    # Its environment is its own only when it has become another program.
    wait_for("the process is found", lambda: process in processes.marked(folder), 10)
    assert processes.marked(folder / "other") == []


def test_end_kills_what_ignores_the_request(folder: Path) -> None:
    stubborn = _start(folder, "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    wait_for("the signal is ignored", lambda: "ready" in (folder / "logs" / "x.log").read_text(), 10)
    processes.end([stubborn], 0.2)
    assert not stubborn.alive()


def test_a_later_process_with_the_same_pid_is_another_one(folder: Path) -> None:
    process = _start(folder)
    earlier = Running(process.pid, process.started - 1)
    assert not earlier.alive()
    earlier.send(signal.SIGKILL)
    assert process.alive()


def test_a_process_that_only_waits_to_be_collected_is_not_alive() -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as child:
        started = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
        process = Running(child.pid, started)
        assert process.alive()
        child.kill()
        wait_for("the process is dead", lambda: not process.alive(), 10)


def test_a_process_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "pids" / "etcd.json"
    assert processes.read(path) is None
    processes.write(path, Running(7, 11))
    assert processes.read(path) == Running(7, 11)


def test_a_command_is_recognized_by_its_words(folder: Path) -> None:
    process = _start(folder)
    assert processes.is_command(process, _SLEEP)
    assert not processes.is_command(process, ["/bin/sleep", "999"])


def test_a_program_that_does_not_exist_says_so_in_the_log(folder: Path) -> None:
    process = _start(folder, "/nowhere/program")
    wait_for("the process has ended", lambda: not process.alive(), 10)
    assert "/nowhere/program: " in (folder / "logs" / "x.log").read_text()


@pytest.mark.parametrize(
    ("state", "threads", "started"), [("S", 9, 4711), ("Z", 9, 4711), ("Z", 1, None), ("X", 0, None)]
)
def test_a_process_has_ended_only_with_its_last_thread(state: str, threads: int, started: int | None) -> None:
    stat = f"42 (kube (api) server) {state} " + " ".join(["0"] * 16) + f" {threads} 0 4711 0 0"
    assert processes.started_in(stat) == started
