"""The pages that long runs of tests leave, and the commit that they speak of."""

from pathlib import Path
from typing import Final

from devtools.paths import REPOSITORY
from devtools.shell import run

REPORTS: Final = REPOSITORY / "docs" / "reports"


def commit_of_tree(repository: Path = REPOSITORY) -> str:
    """Return the short name of the commit that is checked out; `-dirty` follows when files differ from it.

    The reports may differ: one run writes several, one after the other.
    """
    commit = run(["git", "describe", "--always"], cwd=repository).strip()
    others = [".", f":(exclude){REPORTS.relative_to(REPOSITORY)}"]
    changed = run(["git", "status", "--porcelain", "--untracked-files=no", "--", *others], cwd=repository)
    return f"{commit}-dirty" if changed else commit
