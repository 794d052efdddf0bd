"""How the solver and installer that is brought is started: it needs a newer Python than the rest of what is here."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Mapping

from .failures import InstallationError

NEEDS = (3, 10)
"""The oldest Python on which it runs."""

_NEWEST = 30
_START = """
import runpy, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
"""
_RUN = "runpy.run_module('rattling', run_name='__main__', alter_sys=True)"
_TRY = "import rattler"


def solver_command(tools: Path, environ: Mapping[str, str]) -> List[str]:
    """Return the command that reads on stdin what to install, as the module `rattling` understands it.

    Raises:
        InstallationError: when the image has no Python on which it runs.
    """
    folder, tried = str(tools / "rattler"), []
    for python in _pythons(environ):
        # Isolated: what the image or the user has for programs must not change this one.
        command = [python, "-I", "-c", _START + _TRY, folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, errors = process.communicate()
        if process.returncode == 0:
            return [python, "-I", "-c", _START + _RUN, folder]
        said = errors.decode("utf-8", "replace").strip().splitlines()
        tried.append(f"{python}: {said[-1] if said else process.returncode}")
    version = "{}.{}".format(*NEEDS)
    found = f" ({'; '.join(tried)})" if tried else f": it has Python {sys.version.split()[0]}"
    raise InstallationError(
        "spec.environment.conda: the image has no conda, mamba or micromamba in its PATH, and the solver that is "
        f"brought needs Python {version} or later on a system with glibc{found}. Put micromamba into the image, or "
        "take a newer one."
    )


def _pythons(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the Pythons of the image that are new enough, the one that runs this first."""
    if sys.version_info >= NEEDS:
        yield sys.executable
    for minor in range(NEEDS[1], _NEWEST):
        found = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if found and Path(found).resolve() != Path(sys.executable).resolve():
            yield found
