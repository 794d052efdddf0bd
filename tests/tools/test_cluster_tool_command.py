"""The command `scripts/cluster` as a person and a shell see it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from devtools.cluster.__main__ import main
from devtools.cluster.errors import ClusterError
from devtools.cluster.health import log_tail, wait_for
from devtools.cluster.state import OWN, State
from devtools.paths import REPOSITORY


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder whose path needs quoting."""
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "it's a cache"))
    return tmp_path / "it's a cache"


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cluster", *words])
    return main()


def _stopped() -> State:
    ports = {"kube-apiserver": 1, "etcd": 2, "etcd-health": 3, "kube-controller-manager": 4}
    state = State("one", OWN, 0, "1.35.4", ports=ports, tools={"etcd": "/e", "kubernetes": "/k"})
    state.save()
    return state


@pytest.mark.parametrize("verb", ["status", "env"])
def test_a_cluster_that_is_not_there_is_told_on_the_error_stream(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, verb, "--name", "other") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "scripts/cluster up --name other" in printed.err


def test_down_of_a_cluster_that_is_not_there_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(monkeypatch, "down", "--name", "other") == 0


def test_down_all_removes_the_folder_of_every_cluster(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    _stopped()
    assert _run(monkeypatch, "down", "--all") == 0
    assert not (cache / "clusters" / "one").exists()


def test_status_of_a_stopped_cluster_names_each_part_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Cluster, "nodes", lambda _: [])
    _stopped()
    assert _run(monkeypatch, "status", "--name", "one") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["etcd", "kube-apiserver", "kube-controller-manager"]
    assert all("does not run" in line for line in lines[1:])


def test_env_can_be_evaluated_by_a_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    _stopped()
    assert _run(monkeypatch, "env", "--name", "one") == 0
    script = capsys.readouterr().out + 'echo "$KUBECONFIG"; echo "$PATH"'
    shell = subprocess.run(["/bin/sh", "-c", script], env={"PATH": "/x"}, capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == [str(cache / "clusters" / "one" / "kubeconfig"), "/e:/k:/x"]


def test_a_failure_shows_the_end_of_the_log_of_what_failed() -> None:
    state = _stopped()
    log = state.log("etcd")
    log.parent.mkdir()
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    shown = log_tail(state, "etcd").splitlines()
    assert shown[1] == f"The last lines of {log}:"
    assert shown[-1] == "  line 99"
    assert len(shown) < 20


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(ClusterError, match="the moon is full: not within 0 s"):
        wait_for("the moon is full", lambda: False, 0)


def test_waiting_goes_on_while_the_server_cannot_be_reached() -> None:
    answers: Iterator[OSError | bool] = iter([ConnectionRefusedError(), True])

    def ask() -> bool:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    wait_for("an answer", ask, 10)


def test_the_command_needs_nothing_but_the_machine_s_python() -> None:
    words: list[str | Path] = [REPOSITORY / "scripts" / "cluster", "list"]
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "TRAININGJOB_CACHE": "/nonexistent"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
