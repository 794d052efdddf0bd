"""Building without a daemon goes on after what passes, and only after that."""

from pathlib import Path

import pytest

from devtools.images import buildah
from devtools.images.buildah import Buildah
from devtools.progress import Progress
from devtools.shell import CommandFailed

BUSY = "Close_Fd sealing memfd copy: Device or resource busy\n"


class Program:
    """A `buildah` that says one thing after another; an empty one is a success."""

    def __init__(self, *says: str) -> None:
        self._says = list(says)

    def __call__(self, *_: object, log: Path, **__: object) -> None:
        words = self._says.pop(0)
        with log.open("a") as stream:
            stream.write(words)
        if words:
            raise CommandFailed(words)

    @property
    def unsaid(self) -> list[str]:
        return self._says


def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program) -> None:
    monkeypatch.setattr(buildah, "run", program)
    log = tmp_path / "log"
    log.write_text(BUSY)  # of an earlier build
    Buildah(log, tmp_path, Progress("image"))._run_steps(tmp_path, tmp_path / "Dockerfile", "example.dev/x:dev")


def test_a_build_that_fails_for_what_passes_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(BUSY, BUSY, "")
    build(tmp_path, monkeypatch, program)
    assert not program.unsaid


@pytest.mark.parametrize("says", [("no such file",), (BUSY, BUSY, BUSY)], ids=["another cause", "it does not pass"])
def test_a_build_that_fails_for_good_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: tuple[str, ...]
) -> None:
    program = Program(*says, "")
    with pytest.raises(CommandFailed):
        build(tmp_path, monkeypatch, program)
    assert program.unsaid == [""]
