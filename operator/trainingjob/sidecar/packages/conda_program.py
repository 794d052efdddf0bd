"""The conda, mamba or micromamba of an image: where it is, and the words that make it create an environment."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import List, Mapping, NamedTuple, Optional, Sequence

from .conda_request import CondaRequest

_NAMES = ("mamba", "conda", "micromamba")
"""The programs that are one another's equal in what is asked of them; mamba solves faster than the conda beside it."""

_FOLDERS = ("/opt/conda/bin", "/opt/conda/condabin")
"""Where images have conda that put it into PATH by a shell's start file alone."""

_CHANNEL_OF_PACKAGE = re.compile(r"^([^\s\[]+?)(?:/(?:linux-\w+|noarch))?::")


class CondaProgram(NamedTuple):
    """A conda, mamba or micromamba of the image."""

    path: str
    version: str

    @property
    def name(self) -> str:
        """Return what it is called."""
        return Path(self.path).name

    def create(self, prefix: Path, private: Sequence[str], request: CondaRequest) -> List[str]:
        """Return the command that makes an environment.

        Args:
            prefix: the folder of the environment, which must not be there yet.
            private: names of channels that come before those of the request.
        """
        channels = [*private, *_channels(request)]
        named = [word for channel in channels for word in ("--channel", channel)]
        # Where nobody names a channel, those count that the image's settings name.
        only = ["--override-channels"] if named else []
        return [
            *(self.path, "create", "--yes", "--quiet", "--prefix", str(prefix)),
            *only,
            *named,
            *request.packages,
        ]


def find_conda(environ: Mapping[str, str]) -> Optional[CondaProgram]:
    """Return the image's conda; None when it has none that runs."""
    path = os.pathsep.join([environ.get("PATH", os.defpath), *_FOLDERS])
    for name in _NAMES:
        program = shutil.which(name, path=path)
        if program is None:
            continue
        process = subprocess.Popen([program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said, _ = process.communicate()
        if process.returncode == 0:
            # mamba says conda's version as well, in a line of its own.
            return CondaProgram(program, " ".join(said.decode("utf-8", "replace").split()))
    return None


def _channels(request: CondaRequest) -> List[str]:
    """Return the channels to name: where some are, those that packages name themselves must be among them."""
    if not request.channels:
        return []
    own = [match.group(1) for match in map(_CHANNEL_OF_PACKAGE.match, request.packages) if match]
    return list(dict.fromkeys([*request.channels, *own]))
