"""Hand on what a program prints, byte by byte as it comes, and a copy of it besides."""

import array
import fcntl
import math
import os
import select
import termios
import time
from typing import List, Optional

from .child import Child
from .record import Record

_READ = 64 * 1024
_WRITE = 4096
"""The bytes that a pipe takes without a wait when it says that it takes any: PIPE_BUF."""
_LONGEST_LINE = 16 * 1024
"""What of a line is held back in the copy until its end comes: containerd's own measure."""
_PATIENCE_SECONDS = 0.2
"""How long after the program's end the others that hold its outputs may print: a filter that it has put before them."""


class Stream:
    """One output of the program, and where it goes."""

    def __init__(self, source: int, sink: int, record: Record) -> None:
        """Read from one file, write to the other, and keep a copy."""
        self._source, self._sink, self._record = source, sink, record
        self._line = b""
        self._pending = memoryview(b"")
        self._left: Optional[int] = None
        self.open = True
        """Whether something may still come."""

    def wait_for(self, poller: "select.poll") -> int:
        """Tell a poller what this stream waits for, and return the file in question."""
        # Nothing is read before the last is gone: who reads slowly slows the program, as without this process.
        file, event = (self._sink, select.POLLOUT) if self._pending else (self._source, select.POLLIN)
        poller.register(file, event)
        return file

    def step(self) -> None:
        """Do what has become possible."""
        if self._pending:
            self._write()
        else:
            self._read()
        if self._left == 0 and not self._pending:
            self.close()

    def end_soon(self) -> None:
        """Read no more than what is there: what the program has started may hold the pipe for ever."""
        if self.open:
            waiting = array.array("i", [0])
            fcntl.ioctl(self._source, termios.FIONREAD, waiting)
            self._left = waiting[0]
            if not self._left and not self._pending:
                self.close()

    def close(self) -> None:
        """Take nothing more: the program learns it as it would from whoever has stopped reading."""
        if self.open:
            os.close(self._source)
            self.open, self._pending = False, memoryview(b"")
            self._record.write(self._line)

    def _read(self) -> None:
        data = os.read(self._source, _READ if self._left is None else min(_READ, self._left))
        if not data:
            self.close()
            return
        if self._left is not None:
            self._left -= len(data)
        self._pending = memoryview(data)
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        # Whole lines, as the container runtime writes them down: those of the two streams would run into each other.
        text = self._line + data
        cut = text.rfind(b"\n") + 1
        if len(text) - cut > _LONGEST_LINE:
            cut = len(text)
        self._record.write(text[:cut])
        self._line = text[cut:]

    def _write(self) -> None:
        try:
            written = os.write(self._sink, self._pending[:_WRITE])
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._pending = self._pending[written:]


def relay(streams: List[Stream], child: Child) -> None:
    """Hand on and copy until the program has ended and nothing is left of what it has printed."""
    deadline: Optional[float] = None
    while child.status is None or any(stream.open for stream in streams):
        poller = select.poll()
        poller.register(child.wakeup, select.POLLIN)
        waiting = {stream.wait_for(poller): stream for stream in streams if stream.open}
        ready = [file for file, _ in poller.poll(_milliseconds_to(deadline))]
        if child.wakeup in ready and child.has_just_ended():
            deadline = time.monotonic() + _PATIENCE_SECONDS
        if deadline is not None and time.monotonic() >= deadline:
            deadline = None
            for stream in streams:
                stream.end_soon()
            # What was asked before is not the question any more.
            continue
        for file in ready:
            if file in waiting:
                waiting[file].step()


def _milliseconds_to(deadline: Optional[float]) -> Optional[int]:
    return None if deadline is None else max(0, math.ceil((deadline - time.monotonic()) * 1000))
