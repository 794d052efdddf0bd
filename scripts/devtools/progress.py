"""One line per step: its name, the time it took, the time it was expected to take."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HEARTBEAT_SECONDS = 20.0
_TAIL_LINES = 25


class StepFailed(Exception):
    """A step ended badly; the message says which one, what its log ends with and how to go on."""


class Progress:
    """Print the steps of one command with the time since its start; steps may run in parallel threads."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = time.monotonic()
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Print one line behind the elapsed time."""
        elapsed = time.monotonic() - self._start
        with self._lock:
            print(f"[{self._title} {elapsed:6.1f}s] {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, name: str, expected: float, log: Path | None = None) -> Iterator[None]:
        """Announce a step, remind of it while it lasts, and close it.

        Args:
            name: what is done, as a person would say it.
            expected: seconds that the step takes on a machine of two cores.
            log: the file that holds the step's output; its end is shown on failure.

        Raises:
            StepFailed: when the body raises; KeyboardInterrupt passes unchanged.
        """
        begun = time.monotonic()
        self.say(f"… {name} (expected {expected:.0f} s)")
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(name, begun, expected, done), daemon=True)
        heart.start()
        try:
            yield
        except StepFailed:
            raise
        except Exception as error:
            self.say(f"✗ {name} failed after {time.monotonic() - begun:.1f} s")
            raise StepFailed(_explain(name, error, log)) from error
        else:
            self.say(f"✓ {name} {time.monotonic() - begun:.1f} s")
        finally:
            done.set()
            heart.join()

    def _beat(self, name: str, begun: float, expected: float, done: threading.Event) -> None:
        while not done.wait(_HEARTBEAT_SECONDS):
            self.say(f"… {name}: {time.monotonic() - begun:.0f} s of about {expected:.0f} s")


def _explain(name: str, error: Exception, log: Path | None) -> str:
    lines = [f"Step '{name}' failed: {error}"]
    if log is not None and log.exists():
        tail = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        lines += [f"The last lines of {log}:", *(f"  {line}" for line in tail)]
    lines.append("Mend the cause and run the same command again: finished steps are kept.")
    return "\n".join(lines)
