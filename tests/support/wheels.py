"""Real packages for pods and for this machine: brought by pip from wherever it finds packages here, kept in the cache.

Pods know nothing of where that is; an index of the tests gives the packages to them.
"""

import hashlib
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.locking import locked
from devtools.paths import cache_root

_POD_PYTHON = "3.11"
"""The Python of the examples' images."""
_POD_GLIBC = 36
"""The minor version of the C library there."""


def wheels_for_pods(requirements: Sequence[str]) -> list[Path]:
    """Return wheels with which packages can be installed in an example's image, and all that they need themselves."""
    tags = [f"manylinux_2_{minor}_{platform.machine()}" for minor in range(17, _POD_GLIBC + 1)]
    tags += [f"manylinux2014_{platform.machine()}"]
    words = ["download", "--only-binary=:all:", "--python-version", _POD_PYTHON, "--implementation", "cp", "--dest"]
    folder = _brought([*(f"--platform={tag}" for tag in tags), *requirements], words)
    return sorted(folder.glob("*.whl"))


def packages_here(requirements: Sequence[str]) -> Path:
    """Return a folder with packages for the Python that runs the tests, to be named in PYTHONPATH."""
    return _brought(requirements, ["install", "--no-compile", "--target"])


def _brought(wanted: Sequence[str], words: Sequence[str]) -> Path:
    """Return a folder that pip has filled, now or before."""
    key = hashlib.sha256("\n".join([sys.version, *words, *wanted]).encode()).hexdigest()[:16]
    folder = cache_root() / "wheels" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{key}.lock")):
        if not (folder / ".complete").exists():
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *words, folder, *wanted], check=True)
            (folder / ".complete").touch()
    return folder
