"""Make a virtual environment in which the packages of the image stay visible."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple, Tuple

from .failures import InstallationError

_PARENT = "trainingjob-parent.pth"
_LOOK = """
import json, sys, sysconfig
try:
    from pip import __version__ as pip
except Exception:
    pip = ""
version = sys.version.split()[0]
print(json.dumps([sys.prefix, version, sys.version_info[:2], sysconfig.get_paths()["purelib"], pip]))
"""


class Environment(NamedTuple):
    """An environment as its own Python sees it."""

    folder: Path
    python: Path
    packages: Path
    """Where its own packages are put."""
    version: str
    """That of its Python, as in 3.11.7."""
    number: Tuple[int, int]
    """The same as it can be compared."""
    pip: str
    """The version of the pip that it sees, the image's or its own; empty when it has none that can be imported."""


def make_environment(folder: Path) -> Environment:
    """Make a virtual environment of the Python that runs this, in a folder that has none.

    Raises:
        InstallationError: when this Python makes none that works.
        OSError: when the folder cannot be written.
    """
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
    failure = f"The image's {sys.executable} (Python {sys.version.split()[0]}) makes no virtual environment that runs"
    environment = look(folder, failure)
    if nested:
        # Packages of an environment are found by nobody but itself, nor by an environment that is made from it.
        lines = [f"import site; site.addsitedir({path!r})" for path in _own_packages()]
        (environment.packages / _PARENT).write_text("\n".join(lines) + "\n")
        environment = look(folder, failure)
    return environment


def clear(folder: Path) -> None:
    """Remove whatever is in a folder, which is made where there is none.

    Raises:
        OSError: when that cannot be done.
    """
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


def look(folder: Path, failure: str) -> Environment:
    """Return an environment that stands in a folder, as its Python sees it.

    Args:
        failure: what to say of a Python that does not run, or belongs elsewhere.

    Raises:
        InstallationError: when it is such a one.
    """
    python = folder / "bin" / "python"
    # Python looks for modules where it stands, too: not among the user's files, one of which may be a `json.py`.
    process = subprocess.Popen(
        [str(python), "-c", _LOOK], cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = process.communicate()
    if process.returncode != 0:
        raise InstallationError(f"{failure}: {errors.decode('utf-8', 'replace').strip()}")
    # An image may have its Python say something of its own before.
    prefix, version, number, packages, pip = json.loads(output.splitlines()[-1].decode())
    if Path(prefix).resolve() != folder.resolve():
        raise InstallationError(f"{failure}: the one in {folder} takes {prefix} for its own folder")
    return Environment(folder, python, Path(packages), version, (number[0], number[1]), pip)
