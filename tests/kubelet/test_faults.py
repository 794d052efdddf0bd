"""Ten minutes of random faults on two real nodes: every job ends as it must, and nothing is left over."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random, SystemRandom

import pytest

from devtools.cluster import Cluster
from devtools.reports import REPORTS
from tests.support.cluster_faults import Faults
from tests.support.consistency import ENDS, Judge, Monotony, faults_of_the_end
from tests.support.fault_jobs import twenty_jobs
from tests.support.fault_report import write_report
from tests.support.node_processes import pod_processes
from tests.support.user import User, wait_until

pytestmark = [pytest.mark.kubelet, pytest.mark.long]

SEED = "TRAININGJOB_FAULT_SEED"
SECONDS = "TRAININGJOB_FAULT_SECONDS"
PODS = 12
"""How many pods there may be before another job is started: the machine has two processors."""
PAUSE = (3.0, 9.0)
REPORT = REPORTS / "faults.md"


@pytest.fixture
def faults(cluster: Cluster, user: User) -> Iterator[Faults]:
    """Return what does the faults, and mend what they leave."""
    seed = int(os.environ.get(SEED) or SystemRandom().randrange(10**6))
    random = Random(seed)
    found = Faults(cluster, user, random, {job.name: job for job in twenty_jobs(random)}, seed=seed)
    yield found
    found.repair(everything=True)


def test_twenty_jobs_end_as_they_must_after_ten_minutes_of_faults(
    user: User, cluster: Cluster, faults: Faults, say: Callable[[str], None]
) -> None:
    say(f"the faults follow {SEED}={faults.seed}")
    judges: Sequence[Judge] = [Monotony()]
    begun = datetime.now(UTC)
    waves(user, faults, judges, say, seconds=float(os.environ.get(SECONDS, "600")))
    faults.repair(everything=True)
    wait_until(lambda: user.kubectl("get", "nodes", "--no-headers"), lambda text: text.count(" Ready ") == 2, 120)
    wait_until(lambda: unfinished(user, judges), lambda left: not left, 600, pause=2)

    stored = {job["metadata"]["name"]: job for job in user.jobs()}
    wrong = [fault for job in faults.jobs.values() for fault in faults_of_the_end(job, stored[job.name])]
    wrong += [violation for judge in judges for violation in judge.violations]
    left = left_running(user) + left_over(user)
    write_report(REPORT, begun, cluster.kubernetes, faults, {name: job["status"] for name, job in stored.items()}, left)
    assert not wrong, "\n".join(wrong)
    assert not left


def waves(user: User, faults: Faults, judges: Sequence[Judge], say: Callable[[str], None], *, seconds: float) -> None:
    """Start the jobs, as many at a time as the machine can bear, and do a fault every few seconds."""
    waiting = list(faults.jobs.values())
    end = time.monotonic() + seconds
    next_fault = time.monotonic() + 10
    # The last job is not to come too late to be hit.
    gap, next_job = seconds * 0.85 / len(waiting), time.monotonic()
    while time.monotonic() < end or waiting:
        running = unfinished(user, judges)
        if waiting and time.monotonic() >= next_job and live_pods(user) + waiting[0].pods <= PODS:
            job = waiting.pop(0)
            user.apply_job(job.name, **job.spec)
            next_job = max(next_job + gap, time.monotonic())
        for mended in faults.repair():
            say(f"mended: {mended}")
        if next_fault <= time.monotonic() < end:
            say(f"{len(running)} jobs: {faults.do_one() or 'nothing to do'}")
            next_fault = time.monotonic() + faults.random.uniform(*PAUSE)
        time.sleep(1)


def live_pods(user: User) -> int:
    """Return how many pods there are whose programs have not ended."""
    return sum(pod["status"].get("phase") in ("Pending", "Running") for pod in user.all_pods())


def unfinished(user: User, judges: Sequence[Judge]) -> list[str]:
    """Show everything to the judges and return the jobs that have not ended."""
    pods, jobs = user.all_pods(), user.jobs()
    for judge in judges:
        judge.see(jobs, pods)
    return [job["metadata"]["name"] for job in jobs if (job.get("status") or {}).get("phase") not in ENDS]


def left_running(user: User) -> list[str]:
    """Return the programs of finished jobs that still run, on either node, when they have had time to end."""
    try:
        wait_until(lambda: pod_processes(user.namespace), lambda found: not found, 60)
    except TimeoutError:
        return [f"process of {found.job} {found.key}" for found in pod_processes(user.namespace)]
    return []


def left_over(user: User) -> list[str]:
    """Delete all jobs and return what of them the garbage collector leaves."""
    user.kubectl("delete", "trainingjobs.trainingjob.dev", "--all", "--wait=false")

    def everything() -> list[str]:
        kinds = "trainingjobs.trainingjob.dev,pods,services,configmaps,secrets"
        found = user.kubectl("get", kinds, "-o", "name").split()
        return [name for name in found if name != "configmap/kube-root-ca.crt"]

    try:
        return wait_until(everything, lambda found: not found, 120, pause=1)
    except TimeoutError:
        return everything()
