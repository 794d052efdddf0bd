"""The Python of a training image may be old: what runs under it must not use more than that has."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from trainingjob import _metrics
from trainingjob.sidecar import capture, packages

FOLDERS = [Path(str(module.__file__)).parent for module in (packages, capture)]
FILES = [Path(_metrics.__file__), *(file for folder in FOLDERS for file in sorted(folder.glob("*.py")))]


def test_what_training_images_run_needs_no_more_than_python_3_6() -> None:
    said = subprocess.run(
        [Path(sys.executable).parent / "vermin", "--target=3.6-", "--no-tips", "--eval-annotations", "-vv", *FILES],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_it_imports_the_standard_library_and_itself_alone(file: Path) -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }

    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
