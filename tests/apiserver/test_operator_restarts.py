"""Jobs that lose a replica and go on: the whole anew or the one alone, counted once, at the price of few writes."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support.audit import Written, operator_writes
from tests.support.fake_kubelet import Run
from tests.support.mpi import MPI, mpi_script, workers
from tests.support.operating import IMAGE, Operated, by_name, operated
from tests.support.user import Object, User, wait_until

pytestmark = pytest.mark.apiserver

SERVES = Run(exit_code=None)
GROUP: dict[str, Any] = {"image": IMAGE, "multiWorker": {"workers": 2}}
MEMBERS = ("mnist-worker-0", "mnist-worker-1")
STATUS_WRITES = 4
EVENTS = 5
QUIET = ("--status-interval", "300")
"""Counts alone are written once in this time: on a slow machine a test would see several such writes."""


def finish(at: Operated, job: str) -> Object:
    """Wait for the end of a job that restarts on its way, and return its status."""
    at.user.wait_finished(job, seconds=120)
    return dict(at.settle(job)["status"])


def labels(pod: Object) -> dict[str, str]:
    """Return the labels of a pod."""
    return dict(pod["metadata"]["labels"])


def attempt_of(pod: Object) -> tuple[str, str]:
    """Return the attempt that a pod belongs to, by its label and by what its program is told."""
    told = {item["name"]: item.get("value", "") for item in pod["spec"]["containers"][0]["env"]}
    return labels(pod)["trainingjob.dev/attempt"], told["TRAININGJOB_ATTEMPT"]


FAILS = Run(exit_code=7, peers=MEMBERS[:1], message="ValueError: boom")


def test_group_with_a_member_that_fails_once_starts_anew_as_a_whole_and_succeeds(
    cluster: Cluster, user: User, tmp_path: Path, say: Callable[[str], None]
) -> None:
    script = by_name(worker_0=(SERVES, Run(after=MEMBERS[1:])), worker_1=(FAILS, Run()))
    with operated(cluster, user, tmp_path, script, *QUIET) as at:
        user.apply_job("mnist", **GROUP)
        status = user.wait_for_phase("mnist", "Restarting")
        assert (status["attempt"], status["restarts"], status["reason"]) == (1, 1, "ProgramFailed")
        assert "Pod mnist-worker-1 failed with exit code 7: ValueError: boom. Attempt 1 begins at" in status["message"]
        status = finish(at, "mnist")
        assert (status["phase"], status["ready"]) == ("Succeeded", "2/2")
        assert at.counts("mnist") == (1, 1, 0)
        assert [(f["pod"], f["attempt"], f["exitCode"], f["class"]) for f in status["failures"]] == [
            ("mnist-worker-1", 0, 7, "AppFailure")
        ]
        assert {attempt_of(pod) for pod in user.pods("mnist").values()} == {("1", "1")}
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == dict.fromkeys(MEMBERS, 2)
        assert ("Warning", "ProgramFailed") in at.events("mnist")
        writes = [w for w in operator_writes(cluster.audit_log, user.namespace) if w.resource != "leases"]
    say(check_the_cost(writes))


def check_the_cost(writes: list[Written]) -> str:
    """Count what each attempt has cost and return it in words; the first delete of a pod begins the next attempt."""
    boundary = next(i for i, w in enumerate(writes) if (w.verb, w.resource) == ("delete", "pods"))
    words = []
    for attempt, part in enumerate((writes[:boundary], writes[boundary:])):
        count = Counter((w.verb, w.resource, w.subresource) for w in part)
        status = count.pop(("patch", "trainingjobs", "status"))
        events = count.pop(("create", "events", ""), 0) + count.pop(("patch", "events", ""), 0)
        assert status <= STATUS_WRITES, f"attempt {attempt}: {status} status writes"
        assert events <= EVENTS, f"attempt {attempt}: {events} writes of Events"
        removed = {("delete", "pods", ""): 2} if attempt else {}
        service = {} if attempt else {("create", "services", ""): 1}
        assert count == {**service, ("create", "pods", ""): 2, **removed}, f"attempt {attempt}: {count}"
        words.append(f"attempt {attempt}: {status} status writes, {events} Events")
    return "; ".join(words)


def test_job_fails_once_its_restarts_are_used_up_and_lists_every_failure(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=FAILS)) as at:
        user.apply_job("mnist", **GROUP, maxRestarts=1)
        status = finish(at, "mnist")
        assert status["phase"] == "Failed"
        assert at.counts("mnist") == (1, 1, 0)
        assert "ValueError: boom" in status["message"]
        assert "maxRestarts allows no more" in status["message"]
        assert [(f["pod"], f["attempt"]) for f in status["failures"]] == [("mnist-worker-1", 0), ("mnist-worker-1", 1)]
        assert all(len(uids) == 2 for uids in at.kubelet.seen.values())


def test_evicted_member_costs_the_job_a_disruption_and_no_restart(cluster: Cluster, user: User, tmp_path: Path) -> None:
    evicted = Run(exit_code=None, clean_up_seconds=2)
    script = by_name(worker_0=(SERVES, Run(after=MEMBERS[1:])), worker_1=(evicted, Run()))
    with operated(cluster, user, tmp_path, script) as at:
        user.apply_job("mnist", **GROUP, maxRestarts=0)
        user.wait_for_phase("mnist", "Running")
        user.evict("mnist-worker-1")
        assert finish(at, "mnist")["phase"] == "Succeeded"
        assert at.counts("mnist") == (1, 0, 1)
        (failure,) = user.status("mnist")["failures"]
        assert (failure["pod"], failure["class"], failure["reason"]) == (
            "mnist-worker-1",
            "Disruption",
            "EvictionByEvictionAPI",
        )
        assert failure["message"] == "Eviction API: evicting"


def test_worker_beside_servers_starts_anew_alone_while_the_others_go_on(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    fails = Run(exit_code=7, peers=("mnist-ps-0", "mnist-worker-0"), seconds=1)
    script = by_name(ps_0=SERVES, worker_0=Run(after=("enough",)), worker_1=(fails, SERVES))
    with operated(cluster, user, tmp_path, script) as at:
        user.apply_job("mnist", image=IMAGE, parameterServer={"workers": 2, "servers": 1})
        status = user.wait_for_reason("mnist", "ReplicaRestarting")
        assert status["phase"] == "Running"
        assert status["restarting"].keys() == {"mnist-worker-1"}
        wait_until(lambda: at.kubelet.seen["mnist-worker-1"], lambda uids: len(uids) == 2, 60)
        wait_until(lambda: user.status("mnist"), lambda status: status["ready"] == "3/3", 60)
        at.kubelet.announce("enough")
        status = finish(at, "mnist")
        assert (status["phase"], status.get("restarting")) == ("Succeeded", None)
        assert at.counts("mnist") == (0, 1, 0)
        assert [(f["pod"], f["exitCode"]) for f in status["failures"]] == [("mnist-worker-1", 7)]
        assert {name: len(uids) for name, uids in at.kubelet.seen.items()} == {
            "mnist-ps-0": 1,
            "mnist-worker-0": 1,
            "mnist-worker-1": 2,
        }


def test_rule_that_names_an_exit_code_fails_the_job_at_(cluster: Cluster, user: User, tmp_path: Path) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [7]}}
    with operated(cluster, user, tmp_path, by_name(worker_0=SERVES, worker_1=FAILS)) as at:
        user.apply_job("mnist", **GROUP, failurePolicy={"rules": [rule]})
        assert finish(at, "mnist")["phase"] == "Failed"
        assert at.counts("mnist") == (0, 0, 0)
        assert all(len(uids) == 1 for uids in at.kubelet.seen.values())


def secrets_of(user: User, job: str) -> dict[str, Object]:
    """Return the Secrets that belong to a job, by name."""
    uid = user.job(job)["metadata"]["uid"]
    found = json.loads(user.kubectl("get", "secrets", "-o", "json"))["items"]
    owned = (one for one in found if [o["uid"] for o in one["metadata"].get("ownerReferences", ())] == [uid])
    return {one["metadata"]["name"]: one for one in owned}


def secret_volumes(pod: Object) -> set[str]:
    """Return the names of the Secrets whose items a pod mounts."""
    return {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}


def test_every_attempt_of_an_mpi_job_has_keys_of_its_own(cluster: Cluster, user: User, tmp_path: Path) -> None:
    first = mpi_script(Run(exit_code=7, seconds=0.5))
    later = mpi_script(Run(after=("enough",)))
    with operated(
        cluster,
        user,
        tmp_path,
        lambda pod: (later if labels(pod)["trainingjob.dev/attempt"] == "1" else first)(pod),
    ) as at:
        user.apply_job("ring", **MPI)
        wait_until(lambda: (user.status("ring"), at.kubelet.ready), lambda seen: _runs_anew(*seen), 120)
        uid = user.job("ring")["metadata"]["uid"]
        names = [f"ring-{uid[:8]}-a{attempt}" for attempt in (0, 1)]
        secrets = secrets_of(user, "ring")
        assert sorted(secrets) == names
        old, new = (secrets[name]["data"] for name in names)
        assert [item for item in old if old[item] == new[item]] == []
        pods = user.pods("ring")
        assert set(pods) == {"ring-launcher-0", *workers("ring")}
        assert {volume for pod in pods.values() for volume in secret_volumes(pod)} == {names[1]}
        at.kubelet.announce("enough")
        assert finish(at, "ring")["phase"] == "Succeeded"
        assert at.counts("ring") == (1, 1, 0)
        user.kubectl("delete", "tjob", "ring")
        wait_until(lambda: json.loads(user.kubectl("get", "secrets", "-o", "json"))["items"], lambda left: not left, 60)


def _runs_anew(status: Object, ready: set[str]) -> bool:
    return (status.get("phase"), status.get("attempt")) == ("Running", 1) and "ring-launcher-0" in ready
