"""Many short lives of the operator: the modules are loaded once, every life is a process of its own.

As a program it reads one JSON object for each line, with `arguments`, `log` and `impatient`, forks a process that runs
the operator with them, and prints its pid.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from devtools.paths import REPOSITORY

IMPATIENCE_SECONDS = 3.0


class Forks:
    """Starts operators in an instant, for any number of threads."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lock = threading.Lock()

    def start(self, arguments: Sequence[str], log: Path, *, impatient: bool = False) -> int:
        """Start an operator and return its pid.

        Args:
            arguments: its flags.
            log: the file to which its log is appended.
            impatient: whether it gives up a watch that was silent for three seconds, instead of 80.
        """
        wish = {"arguments": list(arguments), "log": str(log), "impatient": impatient}
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process that forks has no pipes")
        with self._lock:
            print(json.dumps(wish), file=self._process.stdin, flush=True)
            return int(self._process.stdout.readline())


@contextmanager
def forks() -> Iterator[Forks]:
    """Keep a process ready that forks operators; all of them end with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.operator_forks"],
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'operator'}:{REPOSITORY / 'scripts'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Forks(process)
    finally:
        process.communicate()


def runs(pid: int) -> bool:
    """Say whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int) -> None:
    """End a process at once and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while runs(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not end")
        time.sleep(0.01)


def _serve() -> None:
    from trainingjob.controller.main import main

    # Nobody waits for the children: the system forgets them when they end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if wish["impatient"]:
                _make_impatient()
            main(wish["arguments"])
        print(pid, flush=True)
    # By their group, this process with them: the number of one that ended long ago may be a stranger's by now.
    os.killpg(0, signal.SIGKILL)


def _make_impatient() -> None:
    """Shorten the silence that means a dead watch: no user has a reason to, so there is no option for it."""
    from trainingjob.controller import engine, source
    from trainingjob.controller.informer import Informer

    for module, name, value in (
        (source, "SILENCE_SECONDS", IMPATIENCE_SECONDS),
        (engine, "Informer", partial(Informer, silence=IMPATIENCE_SECONDS)),
    ):
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__} has no {name} any more")
        setattr(module, name, value)


if __name__ == "__main__":
    _serve()
