"""Make an environment of conda: with the image's own conda or mamba, or where it has none with what is brought."""

import fcntl
import json
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .conda_program import CondaProgram
from .conda_request import CondaRequest
from .conda_variables import certificates
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
from .solver import solver_command

_PRIVATE = "trainingjob-private"
"""The name by which the channels of the Secret stand on the command line of conda, where others could read them."""


class Conda(NamedTuple):
    """What makes an environment of conda."""

    prefix: Path
    """The folder of the environment, which is not there yet: not every conda takes one that is."""
    program: Optional[CondaProgram]
    """The image's; None for the solver that is brought."""
    tools: Path
    variables: Dict[str, str]
    """With a `HOME` of this installation alone."""
    scratch: Path
    cache: Optional[Path]
    """Where packages are kept; None for nowhere."""
    private: List[str]
    """Channels with their passwords, which come before all others."""
    redact: Redaction

    def install(self, request: CondaRequest) -> List[str]:
        """Make the environment, with the output of what makes it in the log, and return what is in it.

        Raises:
            InstallationError: when that fails, with the last words of what makes it.
            OSError: when a volume cannot be written.
        """
        kept = (self.cache or self.scratch) / "conda"
        kept.mkdir(parents=True, exist_ok=True)
        if self.program:
            code, lines = self._run_program(self.program, request, kept)
        else:
            code, lines = self._run_solver(request, kept)
        if code != 0:
            raise self._failure(code, lines, request)
        return self._found()

    def _run_program(self, program: CondaProgram, request: CondaRequest, kept: Path) -> Tuple[int, List[str]]:
        variables = {**self.variables, "CONDA_PKGS_DIRS": str(kept)}
        if program.name == "micromamba":
            # It has no folder of its own, and looks for one in a home that may not be writable.
            variables.setdefault("MAMBA_ROOT_PREFIX", str(self.scratch / "root"))
        if self.private:
            settings = {"custom_multichannels": {_PRIVATE: self.private}}
            (Path(variables["HOME"]) / ".condarc").write_text(json.dumps(settings))
        command = program.create(self.prefix, [_PRIVATE] if self.private else [], request)
        with _alone(kept if self.cache else None):
            return run_logged(command, variables, str(self.scratch), self.redact)

    def _run_solver(self, request: CondaRequest, kept: Path) -> Tuple[int, List[str]]:
        asked = {
            "prefix": str(self.prefix),
            "packages": request.packages,
            "channels": [*self.private, *request.channels],
            "packages_cache": str(kept),
            # Addresses are in it, of which some have a password.
            "listings_cache": str(self.scratch / "listings"),
        }
        variables = {**self.variables, **certificates(self.tools, self.variables)}
        command = solver_command(self.tools, variables)
        return run_logged(command, variables, str(self.scratch), self.redact, json.dumps(asked))

    def _failure(self, code: int, lines: Sequence[str], request: CondaRequest) -> InstallationError:
        name = self.program.name if self.program else "The operator's solver"
        told = [self.redact(line) for line in last_words(lines)] or [f"{name} ended with exit code {code}."]
        explained, code = self._explain(name, code, lines, told, request)
        return InstallationError("\n".join([*told, *([self.redact(explained)] if explained else [])]), code)

    def _explain(
        self, name: str, code: int, lines: Sequence[str], told: Sequence[str], request: CondaRequest
    ) -> Tuple[str, int]:
        """Return what the last words do not say, empty when nothing, and the exit code of the container."""
        if code < 0:
            return f"{name} was ended by {signal.Signals(-code).name}.", 128 - code
        if names_full_disk(told):
            return f"The volume of {self.prefix.parent} is full.", EXIT_UNAVAILABLE
        if not self.program:
            return "", EXIT_UNAVAILABLE if code == EXIT_UNAVAILABLE else EXIT_REFUSED
        for channel in (*self.private, *request.channels):
            # Where a channel is that has only a name, conda alone knows.
            answer = ask(channel, "/noarch/repodata.json") if channel.startswith("http") else None
            if answer and answer.comes_later:
                return f"The channel {answer.url} did not answer: {answer.words}", EXIT_UNAVAILABLE
        return "", EXIT_UNAVAILABLE if names_network(lines, told) else EXIT_REFUSED

    def _found(self) -> List[str]:
        """Return what is installed, as in `numpy 1.26.4`, and leave what says so readable and without secrets."""
        found = []
        for file in sorted(file for file in (self.prefix / "conda-meta").glob("*") if file.is_file()):
            # The history has addresses as well.
            text = file.read_bytes().decode("utf-8", "surrogateescape")
            file.write_bytes(self.redact(text).encode("utf-8", "surrogateescape"))
            file.chmod(0o644)
            if file.suffix == ".json":
                told = json.loads(text)
                found.append(f"{told['name']} {told['version']}")
        return found


@contextmanager
def _alone(folder: Optional[Path]) -> Iterator[None]:
    """Hold a folder of packages for the duration of a block: pods that write it at once would break it."""
    if folder is None:
        yield
        return
    with (folder / ".trainingjob.lock").open("w") as file:
        # Not every file system of a claim has locks; without them a pod may have to try again.
        with suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
