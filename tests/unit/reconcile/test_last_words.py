"""The line that tells most, of what programs and starters of MPI really print at their end."""

import pytest

from trainingjob.reconcile.last_words import telling_line

RULE = "-" * 74

OPEN_MPI_4_EXIT = f"""\
{RULE}
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
{RULE}
{RULE}
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[5781,1],1]
  Exit code:    3
{RULE}
"""
OPEN_MPI_5_EXIT = f"""\
{RULE}
prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Process name: [prterun-job-launcher-0-1@1,1]
   Exit code:    3
{RULE}
"""
OPEN_MPI_4_SIGNAL = f"""\
{RULE}
mpirun noticed that process rank 2 with PID 4711 on node job-worker-1 exited on signal 9 (Killed).
{RULE}
"""
OPEN_MPI_5_LOST = f"""\
Connection to job-worker-1.job closed by remote host.
{RULE[:60]}
A daemon failed to report back after being spawned. This could
be due to several factors, including inability to find the
daemon executable, or the executable was unable to find its
required supporting libraries.
{RULE[:60]}
"""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (OPEN_MPI_4_EXIT, "rank 1 ended with exit code 3"),
        (OPEN_MPI_5_EXIT, "rank 1 ended with exit code 3"),
        (OPEN_MPI_4_SIGNAL, "rank 2 on job-worker-1 was ended by signal 9"),
        (OPEN_MPI_5_LOST, "job-worker-1.job closed the connection"),
        ("Traceback …\n  File …\nValueError: no data\n", "ValueError: no data"),
        ("ValueError: no data\n=====\n\n", "ValueError: no data"),
        ("one", "one"),
        ("-----\n", ""),
        ("", ""),
        ("x" * 900, "x" * 500),
    ],
    ids=["4 exit", "5 exit", "4 signal", "5 lost", "traceback", "frame", "one", "frame alone", "nothing", "long"],
)
def test_line_that_tells_most_is_found(words: str, line: str) -> None:
    assert telling_line(words) == line
