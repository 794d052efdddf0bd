"""Run a program that installs, with what it says in the log, and secrets out of it."""

import subprocess
import sys
from collections import deque
from typing import Dict, List, Sequence, Tuple

from .redaction import Redaction

_MAX_LINES = 2000
"""How much of an output is looked at for its last words."""


def run_logged(
    command: Sequence[str], variables: Dict[str, str], folder: str, redact: Redaction, told: str = ""
) -> Tuple[int, List[str]]:
    """Return a program's exit code and the last lines of its output, which goes to the log meanwhile.

    Args:
        folder: where it runs.
        told: what it reads.
    """
    lines = deque(maxlen=_MAX_LINES)  # type: deque[str]
    process = subprocess.Popen(
        list(command),
        env=variables,
        cwd=folder,
        stdin=subprocess.PIPE if told else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        if process.stdin:
            process.stdin.write(told.encode())
            process.stdin.close()
        for line in process.stdout or ():
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
            sys.stdout.buffer.write(redact(lines[-1]).encode("utf-8", "replace") + b"\n")
            sys.stdout.buffer.flush()
        return process.wait(), list(lines)
    finally:
        # Whoever stops the container stops the program first: it removes what it has half done.
        if process.poll() is None:
            process.terminate()
            process.wait()
