"""Run a program with a copy of what it prints: `capture-output FILE PROGRAM ARGUMENT…`."""

import os
import signal
from typing import List

from .child import Child, NotStartedError, end_like
from .record import Record
from .relay import Stream, relay


def main(words: List[str]) -> None:
    """Run the program and end as it ends.

    Args:
        words: the file for the copy, the program, its arguments.
    """
    # Whoever stops the container stops the program: until it is there, that has to wait.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _every_signal())
    record = Record(words[0])
    try:
        child = Child.start([os.fsencode(word) for word in words[1:]], mask)
    except NotStartedError as error:
        _say(str(error), record)
        os._exit(error.code)
    streams = [Stream(source, sink, record) for sink, source in child.outputs.items()]
    relay(streams, child)
    record.close()
    end_like(child.status)


def _say(message: str, record: Record) -> None:
    text = os.fsencode(message) + b"\n"
    record.write(text)
    record.close()
    os.write(2, text)


def _every_signal() -> List[int]:
    # Between the two ranges there are some that the C library keeps for itself.
    return [number for number in range(1, signal.NSIG) if not 32 <= number < signal.SIGRTMIN]
