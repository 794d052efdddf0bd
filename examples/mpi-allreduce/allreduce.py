"""Add numbers up over all ranks of an MPI job, and check the sums and on how many hosts the ranks ran."""

import argparse
import os
import socket
import sys
import time
from array import array

from mpi4py import MPI

LENGTH = 100_000
"""So many numbers that they cross the network in many packets."""


def say(text: str) -> None:
    """Print a line in one piece, so that lines of different ranks do not mix."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def sum_is_right(comm: MPI.Intracomm) -> bool:
    """Add an array up over all ranks, and say whether every rank got what it must in every place."""
    mine = array("d", [comm.rank + 1.0]) * LENGTH
    total = array("d", [0.0]) * LENGTH
    comm.Allreduce(mine, total)
    expected = comm.size * (comm.size + 1) / 2
    return comm.allreduce(total == array("d", [expected]) * LENGTH, op=MPI.LAND)


def main() -> int:
    """Return 0 when every sum was right and the ranks ran on as many hosts as they should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, required=True, help="how many hosts the ranks must run on")
    parser.add_argument("--seconds", type=float, default=0, help="go on adding for so long (default: one sum)")
    arguments = parser.parse_args()

    comm = MPI.COMM_WORLD
    host = socket.gethostname()
    say(f"rank {comm.rank} of {comm.size} on {host}")
    ranks = int(os.environ["TRAININGJOB_PROCESSES"])
    if comm.size != ranks:
        # Programs and libraries of two MPIs do not find each other: each process then believes to be alone.
        say(f"the job has {ranks} ranks, and this process sees {comm.size} of them")
        return 1
    hosts = len(set(comm.allgather(host)))

    begun = time.monotonic()
    right = sum_is_right(comm)
    while comm.bcast(right and time.monotonic() - begun < arguments.seconds):
        time.sleep(0.1)
        right = sum_is_right(comm)
    if comm.rank == 0:
        say(MPI.Get_library_version().splitlines()[0].strip("\0 "))
        say(f"sum over {comm.size} ranks on {hosts} hosts: {'right' if right else 'wrong'}")
        if hosts != arguments.hosts:
            say(f"the ranks must run on {arguments.hosts} hosts, not on {hosts}")
    return 0 if right and hosts == arguments.hosts else 1


if __name__ == "__main__":
    sys.exit(main())
