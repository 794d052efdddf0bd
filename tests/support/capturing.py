"""Run a program as a container runtime would: alone, or behind what keeps a copy of what it prints."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COPY = "logs/stdout-stderr.log"
Words = Sequence[str | bytes | Path]


@dataclass(frozen=True)
class Ended:
    """The end of a program."""

    code: int
    """Its exit code, or the number of the signal as a negative one."""
    out: bytes
    err: bytes


@dataclass(frozen=True)
class Way:
    """One of the two ways to run a program, in a folder of the test's own."""

    folder: Path
    tools: Path | None
    """The folder with what stands in front of the program; None where nothing does."""
    shell: str = "/bin/sh"

    @property
    def copy(self) -> Path:
        """Return where the copy is kept."""
        return self.folder / COPY

    def command(self, words: Words) -> list[str | bytes | Path]:
        """Return what a container would run."""
        front: list[str | bytes | Path] = [self.shell, self.tools / "capture-output", self.copy] if self.tools else []
        return [*front, *words]

    def begin(
        self, words: Words, variables: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[bytes]":
        """Begin to run a program, with pipes for its input and outputs and a session of its own."""
        self.folder.mkdir(exist_ok=True)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            self.command(words),
            env=os.environ if variables is None else variables,
            start_new_session=True,
            **{"cwd": self.folder, **pipes, **options},
        )

    def run(self, words: Words, variables: Mapping[str, str] | None = None, **options: Any) -> Ended:
        """Run a program to its end."""
        with self.begin(words, variables, **options) as process:
            out, err = process.communicate()
        return Ended(process.returncode, out or b"", err or b"")

    def python(self, program: str, *args: str, **options: Any) -> Ended:
        """Run a Python program to its end."""
        return self.run(in_python(program, *args), **options)


def in_python(program: str, *args: str) -> list[str]:
    """Return the command of a Python program."""
    return [sys.executable, "-c", program, *args]


def read_until(process: "subprocess.Popen[bytes]", text: bytes) -> bytes:
    """Return what a program prints until it has printed something."""
    assert process.stdout is not None
    seen = b""
    while not seen.endswith(text):
        byte = os.read(process.stdout.fileno(), 1)
        assert byte, seen
        seen += byte
    return seen


def stop(process: "subprocess.Popen[bytes]", number: signal.Signals, after: bytes = b"ready\n") -> Ended:
    """Send a signal to a program that has said that it is ready, and return its end."""
    with process:
        seen = read_until(process, after)
        process.send_signal(number)
        out, err = process.communicate()
    return Ended(process.returncode, seen + out, err)
