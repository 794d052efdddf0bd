"""Run other programs: never through a shell, always with their output in a file that a person can read."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_running: set[subprocess.Popen[str]] = set()


class CommandFailed(Exception):
    """A program ended with another status than 0; the message holds the command and the status."""


def run(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    only: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return what it printed on standard output.

    With `log`, both streams are appended to that file and the returned text is empty.

    Args:
        env: variables added to this process's own.
        timeout: seconds; the command is killed when it takes longer.
        only: the whole environment, in place of this process's own.

    Raises:
        CommandFailed: when the program ends with another status than 0, is missing, or takes too long.
    """
    words = [str(word) for word in command]
    environment = {**(os.environ if only is None else only), **(env or {})}
    try:
        if log is None:
            output, errors, status = _finish(words, cwd, environment, stdin, timeout, None)
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as stream:
                _, _, status = _finish(words, cwd, environment, stdin, timeout, stream)
            output, errors = "", f"see {log}"
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{' '.join(words)}: {error}") from error
    if status != 0:
        raise CommandFailed(f"{' '.join(words)} ended with status {status}: {errors.strip()[-2000:]}")
    return output


def end_running() -> None:
    """Kill every program that a thread of this process is waiting for in `run`."""
    for process in list(_running):
        process.kill()


def _finish(
    words: list[str],
    cwd: Path | None,
    environment: dict[str, str],
    stdin: str | None,
    timeout: float | None,
    stream: IO[str] | None,
) -> tuple[str, str, int]:
    sink = subprocess.PIPE if stream is None else stream
    source = None if stdin is None else subprocess.PIPE
    with subprocess.Popen(
        words, cwd=cwd, env=environment, stdin=source, stdout=sink, stderr=sink, text=True
    ) as process:
        _running.add(process)
        try:
            output, errors = process.communicate(stdin, timeout)
        except BaseException:
            process.kill()
            raise
        finally:
            _running.discard(process)
    return output or "", errors or "", process.returncode
