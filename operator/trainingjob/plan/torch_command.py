"""How the processes of a PyTorch job are started: by torchrun where a node runs several or their number may change.

| command | one process a node, fixed | several a node, or elastic |
|---|---|---|
| `[python, x.py, …]` | as it is | `python -m torch.distributed.run x.py …` |
| `[python, -m, module, …]` | as it is | `python -m torch.distributed.run -m module …` |
| `[python, -c, code]` | as it is | `python -m torch.distributed.run --no-python python -c code` |
| `torchrun`, `python -m torch.distributed.run`, anything else | as it is | as it is |
"""

import re
from collections.abc import Sequence

TORCHRUN = ("torch.distributed.run", "torch.distributed.launch")
"""The modules of PyTorch that start processes by themselves."""

_PYTHON = re.compile(r"(^|/)python(\d+(\.\d+)?)?$")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


def is_started_by_torchrun(command: Sequence[str]) -> bool:
    """Say whether a command is a Python program that torchrun can start in its stead."""
    return under_torchrun(command) != list(command)


def under_torchrun(command: Sequence[str]) -> list[str]:
    """Return the command that runs a Python program under torchrun, which reads its settings from `PET_*`.

    A command that is no Python program, or starts its processes itself, is returned as it is.
    """
    words = list(command)
    if not words or not _PYTHON.search(words[0]):
        return words
    at = _first_after_flags(words)
    if at == len(words):
        return words
    if words[at] == "-m":
        if words[at + 1 : at + 2] in [[module] for module in TORCHRUN]:
            return words
        return [*words[:at], *_RUN, *words[at:]]
    if words[at] == "-c":
        return [words[0], *_RUN, "--no-python", *words]
    return [*words[:at], *_RUN, *words[at:]]


_RUN = ("-m", TORCHRUN[0])


def _first_after_flags(words: Sequence[str]) -> int:
    """Return where Python's own flags end: at the program, at `-m` or at `-c`."""
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c", "-"):
        at += 2 if words[at] in _WITH_VALUE else 1
    return min(at, len(words))
