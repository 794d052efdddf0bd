"""Install what a task asks for: the environment of conda, then that of pip, then what leads a program to both."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import List, Mapping, NamedTuple, Optional

from .activation import FILE as ACTIVATION
from .activation import Activation
from .conda import Conda
from .conda_program import find_conda
from .conda_request import CondaRequest, read_conda_request
from .conda_variables import conda_variables
from .environments import Environment, clear, look, make_environment
from .failures import InstallationError
from .helper import HELPER, add_helper
from .index import Access, access, urls_in
from .pip import Pip
from .redaction import Redaction
from .surroundings import surroundings, within
from .task import Task
from .twins import add_twins

BROUGHT_PIP_NEEDS = (3, 9)
"""The oldest Python on which the brought pip runs."""

CONDA = "conda"
"""The folder of conda's environment in that of the task: the folder itself is there before, and may be a volume."""


def install(task: Task, tools: Path, environ: Mapping[str, str]) -> None:
    """Make the environment of a task and install its packages, telling the log about it.

    Args:
        tools: the folder that holds what was brought.
        environ: the variables of the container.

    Raises:
        InstallationError: when the packages cannot be installed.
        OSError: when the environment's volume cannot be written.
    """
    request = read_conda_request(tools)
    wanted = _wanted(task, request)
    way = access(task, environ)
    clear(task.environment)
    scratch = task.environment / ".installing"
    scratch.mkdir()
    installing = _Installing(
        task, tools, environ, way, Redaction(way.secrets), scratch, surroundings(way, environ, scratch)
    )
    try:
        conda = installing.make_conda(request) if request else None
        own = installing.install_pip(wanted, conda) if wanted.words or not request else None
        helped = own or installing.see(conda)
        if helped:
            add_helper(helped, tools / HELPER)
    finally:
        # Addresses with passwords may be in it.
        shutil.rmtree(str(scratch), ignore_errors=True)
    if own and own.folder == task.environment:
        twins = add_twins(own.folder / "bin", own.python, environ.get("PATH", "").split(os.pathsep))
        _say(f"{len(twins)} scripts of the image see the packages.")
    if conda:
        installing.write_activation(conda, own)


class _Wanted(NamedTuple):
    """What pip is to install."""

    words: List[str]
    names: List[str]
    """What to call it in the log."""
    files: List[Path]


class _Installing(NamedTuple):
    """An installation under way."""

    task: Task
    tools: Path
    environ: Mapping[str, str]
    way: Access
    redact: Redaction
    scratch: Path
    variables: Mapping[str, str]

    def make_conda(self, request: CondaRequest) -> Path:
        """Make the environment of conda and return its folder."""
        program, prefix = find_conda(self.environ), self.task.environment / CONDA
        which = f"the image's {program.path} ({program.version})" if program else "the operator's solver"
        _say(self.redact(f"Installing with {which}: {', '.join(request.packages)}"))
        variables, words = conda_variables(self.variables, self.task.cuda)
        if words:
            _say(words)
        cache = self.task.cache
        if cache and self.way.channels:
            _say("The cache is not used for conda: it would keep the addresses of the Secret's channels.")
            cache = None
        begun = time.monotonic()
        conda = Conda(prefix, program, self.tools, variables, self.scratch, cache, self.way.channels, self.redact)
        found = conda.install(request)
        _say(f"Installed{_since(begun)}: {', '.join(found)}.")
        return prefix

    def install_pip(self, wanted: _Wanted, conda: Optional[Path]) -> Environment:
        """Install with pip, into conda's environment where that has a Python, and return the environment."""
        environment = self._environment(conda)
        virtual = environment.folder == self.task.environment
        pip = Pip(
            environment,
            _brought(environment, self.tools),
            within(self.variables, environment.folder, "VIRTUAL_ENV" if virtual else "CONDA_PREFIX"),
            self.task.workspace or self.scratch,
            self.redact,
        )
        whose = "image" if virtual else "environment"
        which = f"the {whose}'s pip {environment.pip}" if environment.pip else "the operator's pip"
        _say(self.redact(f"Installing with {which}: {', '.join(wanted.names)}"))
        begun, before = time.monotonic(), _packages(environment)
        cache = ["--cache-dir", str(self.task.cache)] if self.task.cache else ["--no-cache-dir"]
        urls = [url for file in wanted.files for url in urls_in(file.read_text(errors="replace"))]
        pip.install([*cache, *wanted.words], urls)
        new = sorted(set(_packages(environment)) - set(before))
        _say(f"Installed{_since(begun)}: {', '.join(new)}." if new else f"The {whose} has all of it{_since(begun)}.")
        return environment

    def look(self, conda: Optional[Path]) -> Optional[Environment]:
        """Return conda's environment for pip; None where it has no Python."""
        if conda is None or not (conda / "bin" / "python").exists():
            return None
        return look(conda, "The Python that conda has installed does not run as it should")

    def see(self, conda: Optional[Path]) -> Optional[Environment]:
        """Return the same; None as well where its Python is not as it should be, which only pip minds."""
        try:
            return self.look(conda)
        except InstallationError:
            return None

    def _environment(self, conda: Optional[Path]) -> Environment:
        found = self.look(conda)
        if found:
            return found
        begun = time.monotonic()
        environment = make_environment(self.task.environment)
        which = f"Python {environment.version} of the image ({sys.executable})"
        _say(f"Made {environment.folder} with {which}{_since(begun)}.")
        return environment

    def write_activation(self, conda: Path, own: Optional[Environment]) -> None:
        """Write what leads a program to its packages."""
        nested = own is not None and own.folder == self.task.environment
        folders = [self.task.environment / "bin"] * nested + [conda / "bin"]
        activation = Activation(conda, folders, self.environ)
        if nested:
            activation.set("VIRTUAL_ENV", str(self.task.environment))
        for script, words in activation.run_scripts():
            _say(self.redact(f"Passed over {script} of etc/conda/activate.d, which fails: {words}"))
        (self.task.environment / ACTIVATION).write_bytes(activation.text())


def _wanted(task: Task, request: Optional[CondaRequest]) -> _Wanted:
    files = [file for file in [task.requirements_file()] if file]
    words, names = task.requirements(), [*task.pip, *([task.pip_file] if task.pip_file else [])]
    if request:
        more = [task.file_of_workspace(name, "spec.environment.condaFile: pip") for name in request.pip_files]
        files += more
        words += [*request.pip, *(word for file in more for word in ("-r", str(file)))]
        names += [*request.pip, *request.pip_files]
    return _Wanted(words, names, files)


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _since(begun: float) -> str:
    return f" in {time.monotonic() - begun:.1f} s"


def _brought(environment: Environment, tools: Path) -> str:
    if environment.pip:
        return ""
    if environment.number < BROUGHT_PIP_NEEDS:
        raise InstallationError(
            f"The image's {sys.executable} has no pip, and Python {environment.version} is too old for the one that "
            f"is brought, which needs {'{}.{}'.format(*BROUGHT_PIP_NEEDS)}: put pip into the image"
        )
    return str(tools / "pip")


def _packages(environment: Environment) -> List[str]:
    """Return the packages in the environment's own folder, as in `six 1.17.0`."""
    found = (path.stem for path in environment.packages.iterdir() if path.suffix in (".dist-info", ".egg-info"))
    return [" ".join(name.rpartition("-")[::2]).strip() for name in found]
