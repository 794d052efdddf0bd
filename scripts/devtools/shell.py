"""Run other programs: never through a shell, always with their output in a file that a person can read."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


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
) -> str:
    """Run a command to its end and return what it printed on standard output.

    With `log`, both streams are appended to that file and the returned text is empty.

    Args:
        env: variables added to this process's own.
        timeout: seconds; the command is killed when it takes longer.

    Raises:
        CommandFailed: when the program ends with another status than 0, is missing, or takes too long.
    """
    words = [str(word) for word in command]
    environment = {**os.environ, **(env or {})}
    try:
        if log is None:
            done = subprocess.run(
                words, cwd=cwd, env=environment, input=stdin, timeout=timeout, capture_output=True, text=True, check=False
            )
            output, errors = done.stdout, done.stderr
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as stream:
                done = subprocess.run(
                    words,
                    cwd=cwd,
                    env=environment,
                    input=stdin,
                    timeout=timeout,
                    stdout=stream,
                    stderr=stream,
                    text=True,
                    check=False,
                )
            output, errors = "", f"see {log}"
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{' '.join(words)}: {error}") from error
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(words)} ended with status {done.returncode}: {errors.strip()[-2000:]}")
    return output
