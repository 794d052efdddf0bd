"""The operator dies right after every write of a job that restarts: the restart is counted and carried out once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.apiserver.conftest import person_of
from tests.support.arena import Arena, End, arena
from tests.support.fake_kubelet import Run, Script
from tests.support.operating import IMAGE
from tests.support.user import Object

pytestmark = pytest.mark.apiserver

AT_ONCE = 7
"""A run waits for ten seconds before its restart: several of them wait together."""

SERVES = Run(None)
JOBS: dict[str, dict[str, Any]] = {
    "anew": {"image": IMAGE, "multiWorker": {"workers": 2}},
    "alone": {"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}},
    "ring": {"image": IMAGE, "command": ["train"], "mpi": {"nodes": 1}},
}
EXPECTED: dict[str, dict[str, Any]] = {
    "anew": {"attempt": 1, "restarts": 1, "failures": [("anew-worker-1", 0, 7, "AppFailure")]},
    "alone": {"attempt": 0, "restarts": 1, "failures": [("alone-worker-1", 0, 7, "AppFailure")]},
    "ring": {"attempt": 1, "restarts": 1, "failures": [("ring-launcher-0", 0, 7, "AppFailure")]},
}


def player() -> Script:
    """Return a script in which the second pod of a name goes on where the first has failed or was stopped."""
    met: dict[str, list[str]] = {}

    def play(pod: Object) -> Run:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        uids = met.setdefault(name, [])
        if uid not in uids:
            uids.append(uid)
        job, run, rest = name.split("-", 2)
        return _run(f"{job}-{run}", f"{job}-{rest}", first=uid == uids[0])

    return play


def _run(job: str, replica: str, *, first: bool) -> Run:
    last, peers = (f"{job}-worker-1",), (f"{job}-worker-0", f"{job}-ps-0")
    match replica:
        case "anew-worker-0":
            return SERVES if first else Run(after=last)
        case "anew-worker-1":
            return Run(7, seconds=0.5, peers=peers[:1], message="boom") if first else Run(seconds=0.5)
        case "alone-worker-0":
            return Run(after=last)
        case "alone-worker-1":
            return Run(7, seconds=0.5, peers=peers, message="boom") if first else Run(seconds=0.5)
        case "ring-launcher-0":
            return Run(7 if first else 0, seconds=0.5, init_after=peers[:1], message="boom" if first else "")
        case _:
            return SERVES


@contextmanager
def arenas(cluster: Cluster, folder: Path, job: str) -> Iterator[list[Arena]]:
    """Return several places, each with a namespace, a kubelet and operators of its own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                arena(cluster, stack.enter_context(person_of(cluster)), folder / str(n), {job: JOBS[job]}, player)
            )
            for n in range(AT_ONCE)
        ]


def dies_after(at: Arena, job: str, numbers: range) -> list[tuple[int, End, dict[str, int], dict[str, int]]]:
    """Return, for every write after which the operator dies: the end, what was created, and what was played."""
    return [(number, at.run(number, "after")[job], dict(at.created()), at.played()) for number in numbers]


@pytest.mark.parametrize(
    "job", ["anew", pytest.param("alone", marks=pytest.mark.long), pytest.param("ring", marks=pytest.mark.long)]
)
def test_restart_is_counted_and_carried_out_once_after_whatever_write_the_operator_dies(
    cluster: Cluster, tmp_path: Path, say: Callable[[str], None], job: str
) -> None:
    with arenas(cluster, tmp_path, job) as places, ThreadPoolExecutor(AT_ONCE) as pool:
        end = places[0].run()[job]
        created, played, writes = dict(places[0].created()), places[0].played(), places[0].proxy.count
        assert end["phase"] == "Succeeded"
        assert {word: end[word] for word in EXPECTED[job]} == EXPECTED[job]
        assert (end["disruptions"], max(played.values())) == (0, 2)
        shares = [range(1 + n, writes + 1, AT_ONCE) for n in range(AT_ONCE)]
        results = pool.map(dies_after, places, [job] * AT_ONCE, shares)
        for number, *result in (found for share in results for found in share):
            assert result == [end, created, played], f"died after write {number}"
        say(f"{job}: {writes} writes, and as many deaths")
