"""What is brought from other projects is what was meant, and is brought once."""

import json
from pathlib import Path

import pytest

from devtools import third_party
from devtools.third_party import Module, WrongSum, bring_file

MODULE = Module("example.com/other", "v1.2.3", "h1:right")


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let the module lie in a folder, and return what is asked of Go."""
    (tmp_path / "source" / "config").mkdir(parents=True)
    (tmp_path / "source" / "config" / "crd.yaml").write_text("kind: Example\n")
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> str:
        asked.append(command)
        return json.dumps({"Dir": str(tmp_path / "source"), "Sum": "h1:right"})

    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(third_party, "find_go", lambda _: "go")
    monkeypatch.setattr(third_party, "run", run)
    return asked


def test_file_is_taken_from_its_module_once_and_then_from_the_cache(downloads: list[list[str]]) -> None:
    for _ in range(2):
        assert bring_file(MODULE, "config/crd.yaml").read_text() == "kind: Example\n"
    assert downloads == [["go", "mod", "download", "-json", "example.com/other@v1.2.3"]]


def test_module_with_another_sum_is_refused_and_leaves_nothing_behind(
    downloads: list[list[str]], tmp_path: Path
) -> None:
    with pytest.raises(WrongSum, match="h1:right, not h1:other"):
        bring_file(Module("example.com/other", "v1.2.3", "h1:other"), "config/crd.yaml")
    assert len(downloads) == 1
    assert not list((tmp_path / "cache").rglob("crd.yaml"))
