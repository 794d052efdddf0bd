"""The one line of a program's last words that says why it ended."""

import re
from collections.abc import Callable

MAX_LINE = 500
"""Characters that are kept of it."""

_MPI: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    # Open MPI 4 and 5: `Process name: [[20613,1],1]`, `Process name: [prterun-host-1@1,1]`, then `Exit code:    3`.
    (
        re.compile(r"Process name: \[.*?,(\d+)\]\s+Exit code:\s+(\d+)"),
        lambda found: f"rank {found[1]} ended with exit code {found[2]}",
    ),
    (
        re.compile(r"process rank (\d+) with PID \S+ on node (\S+) exited on\s+signal (\d+)"),
        lambda found: f"rank {found[1]} on {found[2]} was ended by signal {found[3]}",
    ),
    # Intel MPI and MPICH: a frame of `=` around `EXIT CODE: 9`, with the host in the line of the process id.
    (
        re.compile(r"RANK (\d+) PID \d+ RUNNING AT (\S+)\s+=\s+KILLED BY SIGNAL: (\d+)"),
        lambda found: f"rank {found[1]} on {found[2]} was ended by signal {found[3]}",
    ),
    (
        re.compile(r"PID \d+ RUNNING AT (\S+)\s+=\s+EXIT CODE: (\d+)"),
        lambda found: f"a rank on {found[1]} ended with exit code {found[2]}",
    ),
    # What ssh says when a worker goes away under it, before pages of general advice.
    (re.compile(r"Connection to (\S+) closed by remote host"), lambda found: f"{found[1]} closed the connection"),
)


def telling_line(words: str) -> str:
    """Return the line that tells most: what a starter of MPI says of its ranks, else the last one with a word in it."""
    for pattern, tell in _MPI:
        if found := pattern.search(words):
            return tell(found)[:MAX_LINE]
    lines = [line.strip() for line in words.splitlines() if re.search(r"\w", line)]
    return lines[-1][:MAX_LINE] if lines else ""
