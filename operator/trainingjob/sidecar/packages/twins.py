"""Give each script of the image a twin in the environment.

Scripts like `torchrun` name the image's Python in their first line, so that what they start would not see the packages.
"""

import os
import re
import sys
from pathlib import Path
from typing import Iterable, List, NamedTuple, Optional

_MAX_BYTES = 1024 * 1024
_OWN = frozenset({"conda", "conda-env", "mamba"})
"""Programs that take the folder of their Python for the root of everything that they manage."""

_PLAIN = re.compile(rb"\A#![ \t]*(\S+)")
_THROUGH_SHELL = re.compile(rb"\A#![ \t]*/bin/sh\n'''exec' (\"[^\"\n]+\"|\S+)(?= )")
"""How pip names a Python whose path is too long for a first line, or has a blank in it."""


class Interpreter(NamedTuple):
    """A Python program together with the virtual environment that it belongs to: what makes one like another."""

    program: str
    environment: Optional[str]

    @classmethod
    def at(cls, path: str) -> "Interpreter":
        """Return the interpreter of a path, which need not exist."""
        # Python looks for its environment beside the link by which it was called, not where that leads.
        folder = Path(path).parent.resolve().parent
        environment = str(folder) if (folder / "pyvenv.cfg").is_file() else None
        return cls(os.path.realpath(path), environment)


def add_twins(binaries: Path, python: Path, folders: Iterable[str]) -> List[str]:
    """Write twins of the scripts in some folders that the running Python would run, and return their names.

    Args:
        binaries: the environment's folder of programs; what it has already stays.
        python: the environment's Python.
        folders: where to look, in the order of PATH: the first script of a name counts.
    """
    image, seen, made = Interpreter.at(sys.executable), set(os.listdir(str(binaries))), []  # noqa: PTH208
    for folder in folders:
        for name in _names(folder):
            if name in seen:
                continue
            seen.add(name)
            text = _twin(Path(folder) / name, image, python)
            if text is not None:
                twin = binaries / name
                twin.write_bytes(text)
                twin.chmod(0o755)
                made.append(name)
    return sorted(made)


def _names(folder: str) -> List[str]:
    try:
        return sorted(set(os.listdir(folder)) - _OWN)  # noqa: PTH208 - the names alone
    except OSError:
        return []


def _twin(script: Path, image: Interpreter, python: Path) -> Optional[bytes]:
    """Return a script's text with another interpreter, None when it is no script of the image's Python."""
    try:
        with script.open("rb") as file:
            text = file.read(2) == b"#!" and b"#!" + file.read(_MAX_BYTES)
    except OSError:
        return None
    found = text and (_THROUGH_SHELL.match(text) or _PLAIN.match(text))
    if not text or not found or len(text) > _MAX_BYTES:
        return None
    named = os.fsdecode(found.group(1).strip(b'"'))
    if not named.startswith("/") or Interpreter.at(named) != image:
        return None
    # The environment's path is short and has no blank: a plain first line names it as well as a shell would.
    return text[: found.start(1)] + os.fsencode(str(python)) + text[found.end(1) :]
