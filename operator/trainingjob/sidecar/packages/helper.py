"""Give programs the module `trainingjob`, unless the image or one of the packages has one of that name."""

import shutil
import subprocess
from pathlib import Path

from .environments import Environment

HELPER = "trainingjob.py"
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('trainingjob') is not None)"


def add_helper(environment: Environment, module: Path) -> None:
    """Put the module into the environment; whatever else programs would find under its name stays what they find."""
    # Python looks for modules where it stands, too: not among the user's files.
    words = [str(environment.python), "-c", _LOOK]
    found = subprocess.Popen(
        words, cwd=str(environment.folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ).wait()
    if found == 0:
        shutil.copyfile(str(module), str(environment.packages / HELPER))
