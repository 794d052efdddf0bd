"""Run pip in an environment: the image's own, or where it has none the one that is brought."""

import json
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from .environments import Environment
from .failures import EXIT_UNAVAILABLE, InstallationError, last_words, names_full_disk, names_network
from .index import silent_index
from .redaction import Redaction

_MAX_LINES = 2000
"""How much of pip's output is looked at for its last words."""

# pip starts in a folder of the user's, which must not lend it modules.
_BEGIN = """
import os, sys
brought, work = sys.argv.pop(1), os.getcwd()
sys.path[:] = [path for path in sys.path if path not in ("", work)]
if brought:
    sys.path.insert(0, brought)
"""
_PIP = "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
# What pip itself would ask, from all of its files and variables; where it keeps that differs between its versions.
_INDEXES = """
import json
try:
    from pip._internal.commands import create_command
    command = create_command("install")
except ImportError:
    try:
        from pip._internal.commands import commands_dict
    except ImportError:
        from pip.commands import commands_dict
    command = commands_dict["install"]()
options, _ = command.parse_args([])
print(json.dumps([] if options.no_index else [options.index_url, *options.extra_index_urls]))
"""


class Pip(NamedTuple):
    """A pip that installs into an environment."""

    environment: Environment
    brought: str
    """The folder of the brought pip; empty when the image's own is used."""
    variables: Dict[str, str]
    folder: Path
    """Where it runs: relative paths of requirements start here."""
    redact: Redaction

    def version(self) -> str:
        """Return what pip says of its version, as in `pip 23.0.1`; empty when it does not run."""
        return " ".join(self._ask(_PIP, "--version").split()[:2])

    def install(self, words: Sequence[str], indexes: Iterable[str]) -> None:
        """Install requirements, with the output of pip in the log.

        Args:
            words: requirements, and options of `pip install`.
            indexes: the indexes that a requirements file names itself.

        Raises:
            InstallationError: when it fails, with the last words of pip.
        """
        code, lines = self._run(["install", *words])
        if code == 0:
            return
        told = [self.redact(line) for line in last_words(lines)]
        if code < 0:
            told.append(f"pip was ended by {signal.Signals(-code).name}.")
            raise InstallationError("\n".join(told), 128 - code)
        if names_full_disk(told):
            told.append(f"The volume of {self.environment.folder} is full.")
            raise InstallationError("\n".join(told), EXIT_UNAVAILABLE)
        silence = self.redact(silent_index([*self._indexes(), *indexes]))
        if silence:
            raise InstallationError("\n".join([*told, silence]), EXIT_UNAVAILABLE)
        told = told or [f"pip ended with exit code {code} and said nothing."]
        raise InstallationError("\n".join(told), *([EXIT_UNAVAILABLE] if names_network(told) else []))

    def _indexes(self) -> List[str]:
        """Return the indexes that pip asks, with their passwords; none when that cannot be found out."""
        said = self._ask(_INDEXES)
        return list(json.loads(said)) if said else []

    def _ask(self, code: str, *words: str) -> str:
        process = subprocess.Popen(
            self._command(code, words),
            env=self.variables,
            cwd=str(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said, _ = process.communicate()
        return said.decode("utf-8", "replace") if process.returncode == 0 else ""

    def _run(self, words: Sequence[str]) -> Tuple[int, List[str]]:
        """Return pip's exit code and the last lines of its output, which goes to the log meanwhile."""
        lines = deque(maxlen=_MAX_LINES)  # type: deque[str]
        process = subprocess.Popen(
            self._command(_PIP, words),
            env=self.variables,
            cwd=str(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            for line in process.stdout or ():
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                sys.stdout.buffer.write(self.redact(lines[-1]).encode() + b"\n")
                sys.stdout.buffer.flush()
            return process.wait(), list(lines)
        finally:
            # Whoever stops the container stops pip first: it removes what it has half done.
            if process.poll() is None:
                process.terminate()
                process.wait()

    def _command(self, code: str, words: Sequence[str]) -> List[str]:
        return [str(self.environment.python), "-c", _BEGIN + code, self.brought, *words]
