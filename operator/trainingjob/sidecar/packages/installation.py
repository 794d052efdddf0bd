"""Install what a task asks for: make the environment, run pip, give the image's scripts their twins."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Dict, List, Mapping

from .environments import Environment, make_environment
from .failures import InstallationError
from .helper import HELPER, add_helper
from .index import Access, access, urls_in
from .pip import Pip
from .redaction import Redaction
from .task import Task
from .twins import add_twins

BROUGHT_PIP_NEEDS = (3, 9)
"""The oldest Python on which the brought pip runs."""

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


def install(task: Task, tools: Path, environ: Mapping[str, str]) -> None:
    """Make the environment of a task and install its packages, telling the log about it.

    Args:
        tools: the folder that holds the brought pip.
        environ: the variables of the container.

    Raises:
        InstallationError: when the packages cannot be installed.
        OSError: when the environment's volume cannot be written.
    """
    requirements, way = task.requirements(), access(task, environ)
    file = task.requirements_file()
    redact = Redaction(way.secrets)
    begun = time.monotonic()
    environment = make_environment(task.environment)
    version = sys.version.split()[0]
    _say(f"Made {environment.folder} with Python {version} of the image ({sys.executable}){_since(begun)}.")
    scratch = environment.folder / ".installing"
    scratch.mkdir()
    pip = Pip(
        environment,
        _brought(environment, tools),
        _variables(environment, way, environ, scratch),
        task.workspace or scratch,
        redact,
    )
    which = f"the image's pip {environment.pip}" if environment.pip else "the operator's pip"
    _say(redact(f"Installing with {which}: {', '.join([*task.pip, *([task.pip_file] if file else [])])}"))
    begun, before = time.monotonic(), _packages(environment)
    cache = ["--cache-dir", str(task.cache)] if task.cache else ["--no-cache-dir"]
    pip.install([*cache, *requirements], urls_in(file.read_text(errors="replace")) if file else [])
    new = sorted(set(_packages(environment)) - set(before))
    _say(f"Installed{_since(begun)}: {', '.join(new)}." if new else f"The image has all of it{_since(begun)}.")
    add_helper(environment, tools / HELPER)
    shutil.rmtree(str(scratch))
    twins = add_twins(environment.folder / "bin", environment.python, environ.get("PATH", "").split(os.pathsep))
    _say(f"{len(twins)} scripts of the image see the packages.")


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _since(begun: float) -> str:
    return f" in {time.monotonic() - begun:.1f} s"


def _brought(environment: Environment, tools: Path) -> str:
    if environment.pip:
        return ""
    if sys.version_info < BROUGHT_PIP_NEEDS:
        raise InstallationError(
            f"The image's {sys.executable} has no pip, and Python {sys.version.split()[0]} is too old for the one that "
            f"is brought, which needs {'{}.{}'.format(*BROUGHT_PIP_NEEDS)}: put pip into the image"
        )
    return str(tools / "pip")


def _variables(environment: Environment, way: Access, environ: Mapping[str, str], scratch: Path) -> Dict[str, str]:
    home, temporary = Path(environ.get("HOME", "")), scratch / "tmp"
    temporary.mkdir()
    if way.netrc or not (home.is_absolute() and home.is_dir() and os.access(str(home), os.W_OK)):
        home = scratch / "home"
        home.mkdir()
    if way.netrc:
        # For git, curl and versions of pip that do not know the variable.
        (home / ".netrc").symlink_to(way.netrc)
    kept = {name: value for name, value in environ.items() if name not in _FOREIGN}
    return {
        **kept,
        **_FIXED,
        **way.variables,
        "HOME": str(home),
        # The volume for packages has room for them; whether /tmp has, nobody knows.
        "TMPDIR": str(temporary),
        "VIRTUAL_ENV": str(environment.folder),
        "PATH": os.pathsep.join([str(environment.folder / "bin"), environ.get("PATH", os.defpath)]),
    }


def _packages(environment: Environment) -> List[str]:
    """Return the packages in the environment's own folder, as in `six 1.17.0`."""
    found = (path.stem for path in environment.packages.iterdir() if path.suffix in (".dist-info", ".egg-info"))
    return [" ".join(name.rpartition("-")[::2]).strip() for name in found]
