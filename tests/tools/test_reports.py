"""The commit that a report names."""

from pathlib import Path

import pytest

from devtools.reports import commit_of_tree
from devtools.shell import run


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with a program and a report."""
    for name in ("train.py", "docs/reports/long.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message=first"]):
        run(["git", *words], cwd=tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [("docs/reports/long.md", False), ("docs/reports/new.md", False), ("new.py", False), ("train.py", True)],
)
def test_only_what_was_tested_makes_a_commit_dirty(repository: Path, changed: str, dirty: bool) -> None:
    commit = run(["git", "rev-parse", "--short", "HEAD"], cwd=repository).strip()
    assert commit_of_tree(repository) == commit
    (repository / changed).write_text("second\n")
    assert commit_of_tree(repository) == commit + ("-dirty" if dirty else "")
