"""What comes after a program's end: a filter's last words are waited for, what holds the pipe for ever is not."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainingjob.sidecar.capture import relay
from trainingjob.sidecar.capture.record import Record
from trainingjob.sidecar.capture.relay import Stream


class Ending:
    """A program that ends at the first look, while another process goes on with its output."""

    def __init__(self, afterwards: Callable[[], object]) -> None:
        self.status: int | None = None
        self.wakeup, hears = os.pipe()
        self._afterwards = afterwards
        os.close(hears)

    def has_just_ended(self) -> bool:
        if self.status is not None:
            return False
        self.status = 0
        # Whoever reads only what is there at the program's end has then read it long ago.
        threading.Timer(0.2, self._afterwards).start()
        return True


class Outputs:
    """One output of the program, from the filter to `kubectl logs`."""

    def __init__(self, folder: Path) -> None:
        source, self.filter = os.pipe()
        self._shown, sink = os.pipe()
        self.copy = folder / "stdout-stderr.log"
        self.record = Record(str(self.copy))
        self.stream = Stream(source, sink, self.record)

    def print(self, text: bytes) -> None:
        """Print as the filter."""
        os.write(self.filter, text)

    def end(self) -> None:
        """End the filter with its last words."""
        self.print(b"held\n")
        os.close(self.filter)

    def run(self, child: Any) -> bytes:
        """Hand on to the end, and return what was shown."""
        relay.relay([self.stream], child)
        self.record.close()
        return os.read(self._shown, 4096)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


def test_what_a_filter_holds_at_the_programs_end_is_shown_and_kept(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_PATIENCE_SECONDS", 60)
    outputs.print(b"first\n")
    assert outputs.run(Ending(outputs.end)) == b"first\nheld\n"
    assert outputs.copy.read_bytes() == b"first\nheld\n"


@pytest.mark.parametrize("patience", [0, 0.05])
def test_what_holds_the_pipe_for_ever_holds_nobody(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(relay, "_PATIENCE_SECONDS", patience)
    outputs.print(b"first\n")
    assert outputs.run(Ending(lambda: None)) == b"first\n"
    assert outputs.copy.read_bytes() == b"first\n"
    os.close(outputs.filter)
