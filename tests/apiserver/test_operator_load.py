"""Many jobs at once: every one ends right, none costs more writes than it should, and at rest nothing is written."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.throughput import measure
from devtools.cluster import Cluster
from tests.support.audit import Written, operator_writes
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, operated
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

JOBS = 50
SPEC = {"image": IMAGE, "command": ["train"], "parameterServer": {"workers": 2, "servers": 1}, "maxRestarts": 0}
STATUS_WRITES = 4
EVENTS = 5


def play(pod: Object) -> Run:
    """Let every fifth job fail, and let the others train until both workers are done."""
    name = pod["metadata"]["name"]
    job = name.split("-")[1]
    peers = tuple(f"job-{job}-{peer}" for peer in ("worker-0", "worker-1", "ps-0"))
    if "-ps-" in name:
        return Run(None)
    if name.endswith("worker-1"):
        return Run(9, seconds=0.3, peers=peers) if int(job) % 5 == 0 else Run(0, seconds=0.1, peers=peers)
    return Run(None) if int(job) % 5 == 0 else Run(0, after=peers[1:2])


def name_of(write: Written) -> str:
    """Return the job that a write is about; all names of children and Events begin with it."""
    return "-".join(write.name.split(".")[0].split("-")[:2])


def test_fifty_jobs_at_once_end_right_and_cost_few_writes(
    cluster: Cluster, user: User, tmp_path: Path, say: Callable[[str], None]
) -> None:
    # Counts alone are written once in the interval: on a slow machine the jobs would live through several.
    with operated(cluster, user, tmp_path, play, "--status-interval", "300") as at:
        user.apply(
            *(
                {
                    "apiVersion": "trainingjob.dev/v1",
                    "kind": "TrainingJob",
                    "metadata": {"name": f"job-{number}"},
                    "spec": SPEC,
                }
                for number in range(JOBS)
            )
        )
        for number in range(JOBS):
            status = user.wait_finished(f"job-{number}", seconds=180)
            assert status["phase"] == ("Failed" if number % 5 == 0 else "Succeeded"), f"job-{number}: {status}"
        wait_until(
            lambda: [job for job in jobs_of(user) if live(job)],
            lambda unsettled: not unsettled,
            120,
        )
        say(check_the_cost(cluster, user, unanswered((tmp_path / "operator.log").read_text())))
        check_the_rest(cluster, user)
        assert {name: uids for name, uids in at.kubelet.seen.items() if len(uids) > 1} == {}
        assert len(at.kubelet.seen) == JOBS * 3


def unanswered(log: str) -> set[str]:
    """Return the jobs for which a request got no answer in time: a write that is tried again counts twice."""
    return set(re.findall(r"/(job-\d+): Next try in .*(?:No answer|not held)", log))


def check_the_cost(cluster: Cluster, user: User, repeated: set[str]) -> str:
    """Count the writes of each job's whole life in the API server's own record and return their sum in words."""
    writes = [w for w in operator_writes(cluster.audit_log, user.namespace) if w.resource != "leases"]
    by_job: dict[str, Counter[tuple[str, str, str]]] = {}
    for write in writes:
        key = (write.verb, write.resource, write.subresource)
        by_job.setdefault(name_of(write), Counter())[key] += 1
    assert set(by_job) == {f"job-{number}" for number in range(JOBS)}
    # A machine so busy that its API server falls silent says nothing of the cost of those jobs.
    judged = {name: count for name, count in by_job.items() if name not in repeated}
    assert len(judged) >= JOBS / 2, f"the API server left {len(repeated)} jobs without an answer"
    for name, count in judged.items():
        failed = int(name.split("-")[1]) % 5 == 0
        status = count.pop(("patch", "trainingjobs", "status"))
        events = count.pop(("create", "events", "")) + count.pop(("patch", "events", ""), 0)
        assert status <= STATUS_WRITES, f"{name}: {status} status writes"
        assert events <= EVENTS, f"{name}: {events} writes of Events"
        assert count == {
            ("create", "services", ""): 1,
            ("create", "pods", ""): 3,
            ("delete", "pods", ""): 2 if failed else 1,
        }, f"{name}: {count}"
    total = Counter(f"{w.verb} {w.resource}{'/' * bool(w.subresource)}{w.subresource}" for w in writes)
    return f"{JOBS} jobs of 3 pods: " + ", ".join(f"{count} {what}" for what, count in sorted(total.items()))


def check_the_rest(cluster: Cluster, user: User) -> None:
    """See that nothing but the lease is written once all is done."""
    begin = cluster.audit_log.stat().st_size
    written = wait_until(
        lambda: list(operator_writes(cluster.audit_log, user.namespace, skip=begin)), lambda found: len(found) >= 5, 60
    )
    assert {(write.verb, write.resource) for write in written} == {("update", "leases")}


def jobs_of(user: User) -> list[Object]:
    """Return all jobs."""
    return list(json.loads(user.kubectl("get", "tjob", "-o", "json"))["items"])


def live(job: Object) -> bool:
    """Say whether the status still counts pods that run."""
    return any(counts["active"] for counts in job["status"]["replicas"].values())


def test_throughput_is_measured_beside_the_api_servers_own(cluster: Cluster, say: Callable[[str], None]) -> None:
    figures = asyncio.run(measure(cluster.kubeconfig, JOBS))
    say(figures.text())
    assert figures.share > 0.05, "the operator creates one pod after another"
