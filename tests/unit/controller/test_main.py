"""The command's exit codes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainingjob.controller.main import main

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nobody
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
clusters: [{name: nobody, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: nobody, user: {token: none}}]
"""


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


def test_kubeconfig_that_is_missing_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--kubeconfig", str(tmp_path / "nowhere")])
    assert caught.value.code == 2
    assert "nowhere" in capsys.readouterr().err


def test_frameworks_that_cannot_be_read_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig, frameworks = tmp_path / "kubeconfig", tmp_path / "frameworks.json"
    kubeconfig.write_text(KUBECONFIG)
    frameworks.write_text('{"pytorch": {}}')
    with pytest.raises(SystemExit) as caught:
        main(["--kubeconfig", str(kubeconfig), "--frameworks-file", str(frameworks)])
    assert caught.value.code == 2
    assert "pytorch.default: Field required" in capsys.readouterr().err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip()
