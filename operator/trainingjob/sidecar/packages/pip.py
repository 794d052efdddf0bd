"""Run pip in an environment: the image's own, or where it has none the one that is brought."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from .environments import Environment
from .failures import (
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    InstallationError,
    last_words,
    names_full_disk,
    names_network,
)
from .index import ask
from .redaction import Redaction
from .running import run_logged

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
        told = [self.redact(line) for line in last_words(lines)] or [f"pip ended with exit code {code}."]
        explained, code = self._explain(code, lines, told, indexes)
        raise InstallationError("\n".join([*told, *([explained] if explained else [])]), code)

    def _explain(self, code: int, lines: Sequence[str], told: Sequence[str], indexes: Iterable[str]) -> Tuple[str, int]:
        """Return what the last words do not say, empty when nothing, and the exit code of the container."""
        if code < 0:
            return f"pip was ended by {signal.Signals(-code).name}.", 128 - code
        if names_full_disk(told):
            return f"The volume of {self.environment.folder} is full.", EXIT_UNAVAILABLE
        answers = [ask(url) for url in (*self._indexes(), *indexes) if url.startswith("http")]
        for answer in answers:
            if answer.comes_later:
                return f"The package index {answer.url} did not answer: {answer.words}", EXIT_UNAVAILABLE
        if names_network(lines, told):
            return "", EXIT_UNAVAILABLE
        # With a netrc pip has a password that is not part of the address.
        refused = [] if "NETRC" in self.variables else [answer.url for answer in answers if answer.status == 401]
        return (f"The package index {refused[0]} does not accept the credentials." if refused else ""), EXIT_REFUSED

    def _indexes(self) -> List[str]:
        """Return the indexes that pip asks, with their passwords; none when that cannot be found out."""
        process = subprocess.Popen(
            self._command(_INDEXES, []),
            env=self.variables,
            cwd=str(self.folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said, _ = process.communicate()
        return list(json.loads(said.splitlines()[-1].decode())) if process.returncode == 0 else []

    def _run(self, words: Sequence[str]) -> Tuple[int, List[str]]:
        """Return pip's exit code and the last lines of its output, which goes to the log meanwhile."""
        return run_logged(self._command(_PIP, words), self.variables, str(self.folder), self.redact)

    def _command(self, code: str, words: Sequence[str]) -> List[str]:
        return [str(self.environment.python), "-c", _BEGIN + code, self.brought, *words]
