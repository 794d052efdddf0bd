"""What makes the image tool build again, and what does not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.images.fingerprint import Ignored, fingerprint


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a build context with a Dockerfile, two files and a link."""
    folder = tmp_path / "context"
    (folder / "app").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "app" / "train.py").write_text("print(1)\n")
    (folder / "data").write_text("1")
    (folder / "link").symlink_to("data")
    return folder


def _of(context: Path, tag: str = "digits:dev") -> str:
    return fingerprint(context, context / "Dockerfile", tag)


def test_same_files_with_other_times_keep_the_fingerprint(context: Path) -> None:
    before = _of(context)
    os.utime(context / "data", (1, 1))
    assert _of(context) == before


def _relink(context: Path) -> None:
    (context / "link").unlink()
    (context / "link").symlink_to("app")


def _rename(context: Path) -> None:
    (context / "data").rename(context / "other")


@pytest.mark.parametrize(
    "change",
    [
        lambda context: (context / "app" / "train.py").write_text("print(2)\n"),
        lambda context: (context / "Dockerfile").write_text("FROM other\n"),
        lambda context: (context / "new").touch(),
        lambda context: (context / "data").chmod(0o755),
        _relink,
        _rename,
    ],
    ids=["content", "dockerfile", "new-file", "mode", "link-target", "name"],
)
def test_a_change_that_the_build_can_see_changes_the_fingerprint(
    context: Path, change: Callable[[Path], object]
) -> None:
    before = _of(context)
    change(context)
    assert _of(context) != before


def test_another_tag_changes_the_fingerprint(context: Path) -> None:
    assert _of(context, "one:dev") != _of(context, "two:dev")


@pytest.mark.parametrize("patterns", ["data\n", "*\n!app\n"], ids=["by-name", "all-but-one-folder"])
def test_a_change_of_an_ignored_file_keeps_the_fingerprint(context: Path, patterns: str) -> None:
    (context / ".dockerignore").write_text(patterns + ".dockerignore\n")
    before = _of(context)
    (context / "data").write_text("2")
    assert _of(context) == before
    (context / "app" / "train.py").write_text("print(2)\n")
    assert _of(context) != before


@pytest.mark.parametrize(
    ("patterns", "path", "left_out"),
    [
        ([], "a.py", False),
        (["*.py"], "a.py", True),
        (["*.py"], "app/a.py", False),
        (["**/*.py"], "app/deep/a.py", True),
        (["**/*.py"], "a.py", True),
        (["/build/"], "build/a.py", True),
        (["build"], "app/build", False),
        (["app/?.py"], "app/a.py", True),
        (["app/[ab].py"], "app/c.py", False),
        (["app/**"], "app/deep/a.py", True),
        (["*", "!app"], "app/a.py", False),
        (["*", "!app", "**/*.pyc"], "app/a.pyc", True),
        (["!a.py", "*.py"], "a.py", True),
        (["# a.py", "", "b.py"], "a.py", False),
        (["a.py"], "aXpy", False),
    ],
)
def test_dockerignore_decides_by_the_last_matching_pattern(patterns: list[str], path: str, left_out: bool) -> None:
    assert Ignored(patterns).matches(path) is left_out
