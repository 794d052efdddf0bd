"""What a program needs in its variables to find an environment of conda, as a file that a shell reads.

Packages bring scripts for that, `etc/conda/activate.d/*.sh`, which are written for bash, and one that fails would take
a program's own shell with it. So each runs here, once, and what it has set is written down.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

_RUN = '. "$1" >&2; exec "$2" -I -c "$3"'
# As bytes: a script may change the encoding in which Python reads its variables.
_DUMP = "import json, os; print(json.dumps([[t.decode('latin-1') for t in pair] for pair in os.environb.items()]))"
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_OF_SHELL = frozenset(
    # From UID on: bash lets nobody set these, and as /bin/sh it ends where one tries to.
    ("PATH", "PWD", "OLDPWD", "SHLVL", "_", "UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS")
)

FILE = "activate.sh"
"""Where the operator has a program look for it, in the folder of the environment."""


class Activation:
    """What is to be set, from the beginning to the last script."""

    def __init__(self, prefix: Path, folders: Sequence[Path], environ: Mapping[str, str]) -> None:
        """Begin with what every environment of conda has.

        Args:
            prefix: the environment's folder.
            folders: where programs are looked for first.
            environ: the variables of the image and the job.
        """
        self._prefix = prefix
        self._path = environ.get("PATH", os.defpath)
        self._before = dict(environ)
        self._now = {
            **environ,
            "PATH": os.pathsep.join([*map(str, folders), self._path]),
            "CONDA_PREFIX": str(prefix),
            "CONDA_DEFAULT_ENV": str(prefix),
            "CONDA_SHLVL": "1",
        }
        self._scripts = sorted((prefix / "etc" / "conda" / "activate.d").glob("*.sh"))

    def set(self, name: str, value: str) -> None:
        """Set a variable."""
        self._now[name] = value

    def run_scripts(self) -> List[Tuple[str, str]]:
        """Run the scripts of the packages, and return the names of those that failed, each with its last words."""
        failed = []
        for script in self._scripts:
            found, words = _run(script, self._now, self._prefix)
            if words:
                failed.append((script.name, words))
            else:
                self._now = found
        return failed

    def text(self) -> bytes:
        """Return the file for the shell: what differs from the image's own variables, and the folders of programs."""
        changed = {name: value for name, value in self._now.items() if self._before.get(name) != value}
        lines = [f"export {name}={quote(value)}" for name, value in sorted(changed.items()) if _may_change(name)]
        gone = [name for name in sorted(self._before) if name not in self._now and _may_change(name)]
        # What stands in PATH where this is read stays behind.
        first = self._now["PATH"]
        first = first[: -len(self._path)] if self._path and first.endswith(self._path) else first + os.pathsep
        lines += [*(f"unset {name}" for name in gone), f'export PATH={quote(first)}"$PATH"']
        # The values are those of the image, whatever the encoding that this Python writes files in.
        return os.fsencode("\n".join(lines) + "\n")


def _may_change(name: str) -> bool:
    return name not in _OF_SHELL and _NAME.match(name) is not None


def _run(script: Path, environ: Dict[str, str], folder: Path) -> Tuple[Dict[str, str], str]:
    """Return the variables after a script, or why it failed.

    Args:
        folder: where files may be written meanwhile.
    """
    shell = shutil.which("bash", path=environ["PATH"]) or "/bin/sh"
    command = [shell, "-c", _RUN, "sh", str(script), sys.executable, _DUMP]
    # Not through pipes, whose end would be that of the last process that a script leaves behind. The volume of the
    # environment has room; an image's /tmp may not be writable.
    with TemporaryFile(dir=str(folder)) as output, TemporaryFile(dir=str(folder)) as errors:
        code = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=errors).wait()
        output.seek(0)
        errors.seek(0)
        said, words = output.read().strip().splitlines(), errors.read().decode("utf-8", "replace").strip().splitlines()
    # An image may have its Python say something of its own before.
    found = _variables(said[-1]) if code == 0 and said else None
    if found is None:
        return {}, words[-1] if words else f"exit code {code}"
    return found, ""


def _variables(told: bytes) -> Optional[Dict[str, str]]:
    try:
        return dict([os.fsdecode(text.encode("latin-1")) for text in pair] for pair in json.loads(told.decode()))
    except ValueError:
        return None
