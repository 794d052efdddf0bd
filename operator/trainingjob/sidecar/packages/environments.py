"""Make a virtual environment in which the packages of the image stay visible."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple

from .failures import InstallationError

_PARENT = "trainingjob-parent.pth"
_LOOK = """
import json, sys, sysconfig
try:
    from pip import __version__ as pip
except Exception:
    pip = ""
print(json.dumps({"prefix": sys.prefix, "packages": sysconfig.get_paths()["purelib"], "pip": pip}))
"""


class Environment(NamedTuple):
    """A virtual environment as its own Python sees it."""

    folder: Path
    python: Path
    packages: Path
    """Where its own packages are put."""
    pip: str
    """The version of the image's pip; empty when it has none that can be imported."""


def make_environment(folder: Path) -> Environment:
    """Make an environment of the Python that runs this; whatever was in its folder before is removed.

    Raises:
        InstallationError: when this Python makes none that works.
        OSError: when the folder cannot be written.
    """
    _empty(folder)
    parent = Path(sys.prefix) / "pyvenv.cfg"
    nested = parent.is_file()
    # What the image's own environment hides of the Python below it stays hidden.
    below = not nested or _setting(parent, "include-system-site-packages") == "true"
    try:
        import venv  # noqa: PLC0415 - some distributions leave it out
    except ImportError:
        _make_by_hand(folder, below)
    else:
        venv.EnvBuilder(system_site_packages=below, symlinks=True, with_pip=False).create(str(folder))
    version = "python{}.{}".format(*sys.version_info)
    for name in ("python", "python3", version, Path(sys.executable).name):
        if not os.path.lexists(str(folder / "bin" / name)):
            (folder / "bin" / name).symlink_to("python")
    environment = _look(folder)
    if nested:
        # Packages of an environment are found by nobody but itself, nor by an environment that is made from it.
        lines = [f"import site; site.addsitedir({path!r})" for path in _own_packages()]
        (environment.packages / _PARENT).write_text("\n".join(lines) + "\n")
        environment = _look(folder)
    return environment


def _empty(folder: Path) -> None:
    # The folder itself is where a volume is mounted, and stays.
    folder.mkdir(parents=True, exist_ok=True)
    for found in folder.iterdir():
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(str(found))
        else:
            found.unlink()


def _setting(file: Path, name: str) -> str:
    for line in file.read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == name:
            return value.strip().lower()
    return ""


def _own_packages() -> List[str]:
    """Return the folders of this Python's own environment in which packages lie."""
    names = ("site-packages", "dist-packages")
    return [p for p in sys.path if p.startswith(sys.prefix + os.sep) and os.path.basename(p) in names]  # noqa: PTH119


def _make_by_hand(folder: Path, below: bool) -> None:
    """Make what the module `venv` would: a Python is in an environment when it finds this file above itself."""
    base = Path(getattr(sys, "_base_executable", None) or sys.executable)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(base)
    library = Path(os.__file__).parent.name
    (folder / "lib" / library / "site-packages").mkdir(parents=True)
    lines = [f"home = {base.parent}", f"include-system-site-packages = {str(below).lower()}"]
    (folder / "pyvenv.cfg").write_text("\n".join(lines) + "\n")


def _look(folder: Path) -> Environment:
    python = folder / "bin" / "python"
    # Python looks for modules where it stands, too: not among the user's files, one of which may be a `json.py`.
    process = subprocess.Popen(
        [str(python), "-c", _LOOK], cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = process.communicate()
    if process.returncode != 0:
        raise InstallationError(
            f"The image's {sys.executable} (Python {sys.version.split()[0]}) makes no virtual environment that runs: "
            + errors.decode("utf-8", "replace").strip()
        )
    # An image may have its Python say something of its own before.
    said = json.loads(output.splitlines()[-1].decode())
    if Path(said["prefix"]).resolve() != folder.resolve():
        raise InstallationError(
            f"The image's {sys.executable} makes no virtual environment: a Python in {folder} takes {said['prefix']} "
            "for its own folder"
        )
    return Environment(folder, python, Path(said["packages"]), said["pip"])
