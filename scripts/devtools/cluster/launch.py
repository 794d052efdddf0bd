"""Start one process in a session of its own, in the namespaces asked for, and print its pid.

It is a program of its own and not a function, because only a process with a single thread may change its
namespaces, and because the process must be nobody's child: whoever asked for it may end or live long.
"""

import argparse
import ctypes
import os
import sys

_NEW_NAMESPACES = 0x00020000 | 0x04000000 | 0x20000000 | 0x40000000  # CLONE_NEWNS, NEWUTS, NEWPID, NEWNET
_ENTERED = ("net", "uts", "pid", "mnt")  # the mounts last: /proc is another one then


def _system_call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _enter(pid: int) -> None:
    handles = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in _ENTERED]
    for handle in handles:
        _system_call("setns", handle, 0)


def _become(command: list[str], log: int) -> None:
    os.setsid()
    os.chdir("/")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.execvp(command[0], command)  # noqa: S606 - a list of words, no shell


def main() -> None:
    """Fork, let the child become the command, and print the pid that it has for the caller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", required=True, help="file that both output streams are appended to")
    parser.add_argument("--enter", type=int, help="pid of a process whose namespaces to enter")
    parser.add_argument("--create", action="store_true", help="make namespaces; the command is their first process")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    log = os.open(arguments.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if arguments.create:
            _system_call("unshare", _NEW_NAMESPACES)
        if arguments.enter is not None:
            _enter(arguments.enter)
    except OSError as error:
        sys.exit(f"{error.strerror}. The machine must allow new namespaces; an unprivileged container does not.")
    child = os.fork()
    if child:
        print(child)
        return
    try:
        _become(arguments.command, log)
    except OSError as error:
        os.write(2, f"{arguments.command[0]}: {error}\n".encode())
    os._exit(127)


if __name__ == "__main__":
    main()
