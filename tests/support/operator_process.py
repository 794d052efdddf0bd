"""The real operator as a process of its own, pointed at a real API server."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from devtools.paths import REPOSITORY

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class OperatorProcess:
    """One run of `trainingjob-operator`; its log is a file that a failing test shows."""

    def __init__(self, kubeconfig: Path, log: Path, flags: Sequence[str]) -> None:
        self.log = log
        command = [
            *(sys.executable, "-m", "trainingjob.controller.main"),
            *("--kubeconfig", str(kubeconfig), "--health-host", "127.0.0.1", "--health-port", "0"),
            *flags,
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")}
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                command, env=environment, stdout=stream, stderr=stream, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return the exit code; None while the process runs."""
        return self._process.poll()

    def text(self) -> str:
        """Return the log."""
        return self.log.read_text(errors="replace")

    def wait_for_log(self, words: str, seconds: float = START_SECONDS) -> None:
        """Wait until the log holds these words.

        Raises:
            AssertionError: when the process ends or the time is over before.
        """
        deadline = time.monotonic() + seconds
        while words not in self.text():
            self._check(f"{words!r} in the log", deadline)
            time.sleep(0.05)

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until /readyz says `working`."""
        self.wait_for_log("Serving /healthz", seconds)
        deadline = time.monotonic() + seconds
        while self.get("/readyz") != (200, "working\n"):
            self._check("readiness", deadline)
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of one of the addresses that it serves; status 0 when nobody answers."""
        found = re.search(r"/metrics on .* port (\d+)", self.text())
        assert found, "the operator says on which port it serves"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, line: str) -> float:
        """Return the value of a metric by its name and labels as they are printed; 0 when it is not there."""
        for text in self.get("/metrics")[1].splitlines():
            if text.startswith(line + " "):
                return float(text.rsplit(" ", 1)[1])
        return 0.0

    def kill(self) -> None:
        """End it without a chance to say good-bye."""
        self._process.kill()
        self._process.wait()

    def pause(self, paused: bool) -> None:
        """Stop the process from running, or let it go on."""
        self._process.send_signal(signal.SIGSTOP if paused else signal.SIGCONT)

    def interrupt(self) -> None:
        """Ask it to end as Ctrl-C does, without waiting."""
        self._process.send_signal(signal.SIGINT)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ask it to end and return its exit code."""
        self._process.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end and return its exit code."""
        return self._process.wait(seconds)

    def _check(self, wanted: str, deadline: float) -> None:
        if self.exit_code is not None or time.monotonic() > deadline:
            raise AssertionError(f"no {wanted}; exit code {self.exit_code}; the log ends with:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of the log."""
        return self.text()[-6000:]


@contextlib.contextmanager
def operator(
    kubeconfig: Path, folder: Path, namespace: str, *flags: str, name: str = "operator"
) -> Iterator[OperatorProcess]:
    """Run the operator for one namespace, with its lease there too, and end it afterwards.

    A later flag wins over an earlier one, so that a test can change what is set here.
    """
    common = ("--namespace", namespace, "--lease-namespace", namespace, "--log-level", "debug")
    process = OperatorProcess(kubeconfig, folder / f"{name}.log", (*common, *flags))
    try:
        yield process
    except BaseException:
        print(f"--- the end of the operator's log ({process.log}):\n{process.tail()}", file=sys.stderr)
        raise
    finally:
        if process.exit_code is None:
            process.pause(False)
            process.kill()
