"""The program as a child: started so that it notices nothing but pipes, told every signal, followed into its end."""

import errno
import fcntl
import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Dict, Iterable, List, Optional, Set

_FROM_SHELL = (b"PWD", b"OLDPWD", b"SHLVL", b"_")
"""Variables that the shell before this program may have added."""
_OF_THIS_PROCESS = frozenset(
    {
        # Nobody can hold these back.
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGCHLD,
        # What the system says of this process' own steps.
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGPIPE,
        signal.SIGXFSZ,
    }
)
_SET_PDEATHSIG = 1
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
"""The exit codes of shells for such programs."""
_FIRST_FREE = 3
"""The number of the first file that is none of input, output and errors."""


class NotStartedError(Exception):
    """The program cannot be run; the text says why in the words of container runtimes."""

    def __init__(self, program: bytes, number: int) -> None:
        shown = os.fsdecode(program)
        absent = number == errno.ENOENT and b"/" not in program
        reason = "executable file not found in $PATH" if absent else os.strerror(number).lower()
        super().__init__(f'exec: "{shown}": {reason}')
        self.code = _NOT_FOUND if number == errno.ENOENT else _NOT_EXECUTABLE


class Child:
    """A program that runs, and its end."""

    def __init__(self, pid: int, outputs: Dict[int, int], wakeup: int) -> None:
        """Know a process; `start` makes one."""
        self._pid = pid
        self.outputs = outputs
        """1 and 2, each with the end of a pipe from which that output of the program can be read."""
        self.wakeup = wakeup
        """A pipe that can be read when a signal has come."""
        self.status: Optional[int] = None
        """How it has ended, as `waitpid` says it; None while it runs."""

    @classmethod
    def start(cls, words: List[bytes], mask: Iterable[int]) -> "Child":
        """Run a program, and hand every signal on to it from here on.

        Args:
            words: the program and its arguments.
            mask: the signals that it is to find blocked; all are, until this returns.

        Raises:
            NotStartedError: when there is no such program, or it is none.
        """
        # An output that is closed stays closed.
        pipes = {number: _pipe() for number in (1, 2) if _is_open(number)}
        told, tells = _pipe()
        libc, leads = _libc(), os.getsid(0) == os.getpid()
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            try:
                _become(words, {number: ends[1] for number, ends in pipes.items()}, mask, libc, parent, leads)
            except OSError as error:
                os.write(tells, str(error.errno).encode())
            finally:
                os._exit(_NOT_EXECUTABLE)
        for descriptor in (tells, *(ends[1] for ends in pipes.values())):
            os.close(descriptor)
        child = cls(pid, {number: ends[0] for number, ends in pipes.items()}, _listen())
        child._hand_on()
        failed = os.read(told, 16)
        os.close(told)
        if failed:
            raise NotStartedError(words[0], int(failed))
        return child

    def has_just_ended(self) -> bool:
        """Say whether this is the first look since the program has ended; asked after every signal."""
        with suppress(BlockingIOError):
            while os.read(self.wakeup, 4096):
                pass
        if self.status is not None:
            return False
        # As the first process of a container it is given the orphans of others as well.
        while self.status is None:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return False
            if pid == self._pid:
                self.status = status
        return True

    def _hand_on(self) -> None:
        def forward(number: int, _: Optional[FrameType]) -> None:
            if self.status is None:
                # It ends in this moment, or has become another user's.
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(self._pid, number)

        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _forwarded():
            signal.signal(number, forward)
        # What was blocked before is the program's own affair.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])


def end_like(status: Optional[int]) -> None:
    """End this process as another has ended: with its exit code, or by the same signal."""
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _leave_no_core()
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # The first process of a container does not die of every signal.
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status or 0))


def _become(
    words: List[bytes], outputs: Dict[int, int], mask: Iterable[int], libc: object, parent: int, leads: bool
) -> None:
    """Turn this process into the program.

    Args:
        words: the program and its arguments.
        outputs: 1 and 2, each with the pipe that it is to be.
        mask: the signals that are blocked for it.
        libc: the C library, where it can be had.
        parent: the process that it must not outlive.
        leads: whether that one leads a session, as the first process of a container does.
    """
    if leads:
        os.setsid()
    if libc is not None:
        libc.prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)  # type: ignore[attr-defined]
        if os.getppid() != parent:
            os._exit(_NOT_EXECUTABLE)
    for number, pipe in outputs.items():
        os.dup2(pipe, number)
    # Python ignores these two; a program that is started by a container runtime does not.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.execvpe(words[0], words, _environment())  # noqa: S606 - that is what it is for


def _environment() -> Dict[bytes, bytes]:
    """Return the variables of the container: this process' own, without what shell and Python have made of them."""
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123
            block = file.read()
    except OSError:
        return dict(os.environb)
    found = dict(item.split(b"=", 1) for item in block.split(b"\0") if b"=" in item)
    try:
        added = {b"PWD": os.getcwdb(), b"SHLVL": b"0"}  # noqa: PTH109 - bytes
    except OSError:
        # Its folder is gone, which is the program's affair.
        added = {b"SHLVL": b"0"}
    return {name: value for name, value in found.items() if name not in _FROM_SHELL or added.get(name, value) != value}


def _forwarded() -> Set[int]:
    return {number for number in range(1, signal.NSIG) if not 32 <= number < signal.SIGRTMIN} - _OF_THIS_PROCESS


def _listen() -> int:
    """Return a pipe into which every signal writes."""
    heard, hears = _pipe()
    for descriptor in (heard, hears):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(hears)
    return heard


def _pipe() -> List[int]:
    """Return the two ends of a pipe, neither of them in the place of an output that is closed."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE))
        os.close(end)
    return ends


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _libc() -> object:
    try:
        import ctypes  # noqa: PLC0415 - not every Python has it

        libc = ctypes.CDLL(None)
        libc.prctl  # noqa: B018
    except (ImportError, OSError, AttributeError):
        return None
    return libc


def _leave_no_core() -> None:
    """Leave the core file, where there is to be one, to the program."""
    try:
        import resource  # noqa: PLC0415 - not every Python has it

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        return
