"""The variables and folders in which pip or conda works, apart from what the image or the job has for its program."""

import os
from pathlib import Path
from typing import Dict, Mapping

from .index import Access

# What an image may have for itself, and what would lead packages elsewhere than into the environment.
_FOREIGN = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON")
_FIXED = {
    "PIP_USER": "0",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
}


def surroundings(way: Access, environ: Mapping[str, str], scratch: Path) -> Dict[str, str]:
    """Return the variables for a program that installs, with a home and a folder for temporary files that it can use.

    Args:
        environ: the variables of the container.
        scratch: a new folder of this installation, on the volume of the environment.
    """
    home, temporary = Path(environ.get("HOME", "")), scratch / "tmp"
    temporary.mkdir()
    if way.netrc or way.channels or not (home.is_absolute() and home.is_dir() and os.access(str(home), os.W_OK)):
        home = scratch / "home"
        home.mkdir()
    if way.netrc:
        # For git, curl, conda and versions of pip that do not know the variable.
        (home / ".netrc").symlink_to(way.netrc)
    kept = {name: value for name, value in environ.items() if name not in _FOREIGN}
    return {
        **kept,
        **_FIXED,
        **way.variables,
        "HOME": str(home),
        # The volume for packages has room for them; whether /tmp has, nobody knows.
        "TMPDIR": str(temporary),
    }


def within(variables: Mapping[str, str], environment: Path, name: str) -> Dict[str, str]:
    """Return variables with which programs of an environment come first.

    Args:
        name: the variable by which its kind of environment is known.
    """
    path = os.pathsep.join([str(environment / "bin"), variables.get("PATH", os.defpath)])
    return {**variables, name: str(environment), "PATH": path}
