"""The Pythons of this machine, old and new: training images have them all."""

import os
import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"python(3)\.(\d+)$")


@cache
def interpreters() -> dict[tuple[int, int], Path]:
    """Return the versions of Python that this machine has, the oldest first, each with its program."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    # What stands in pyenv's own folder of PATH starts whatever version was chosen, or none.
    folders = [Path(folder) for folder in os.get_exec_path() if not folder.startswith(str(pyenv))]
    found: dict[tuple[int, int], Path] = {}
    for folder in (*folders, *sorted(pyenv.glob("versions/*/bin"))):
        # An environment is no Python of its own: it may be that of these tests.
        if (folder.parent / "pyvenv.cfg").exists():
            continue
        for program in sorted(folder.glob("python3.*")):
            if (name := _NAME.match(program.name)) and (version := (int(name[1]), int(name[2]))) >= (3, 6):
                found.setdefault(version, program)
    return dict(sorted(found.items()))
