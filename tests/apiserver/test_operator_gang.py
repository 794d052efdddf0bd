"""Gangs on a real API server: PodGroups by their projects' own definitions, Kueue's gates, and pods that give way."""

import json
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.third_party import COSCHEDULING_POD_GROUPS, VOLCANO_POD_GROUPS
from tests.support.audit import operator_writes
from tests.support.builders import make_job
from tests.support.every_field import EVERY_FIELD
from tests.support.fake_kubelet import Run
from tests.support.gangs import admit, install, let_go, pod_groups, uninstall
from tests.support.operating import IMAGE, by_name, operated
from tests.support.strategy_jobs import elastic, mpi
from tests.support.user import User, wait_until
from trainingjob.plan import Manifest, PlanOptions, plan_job

pytestmark = pytest.mark.apiserver

GROUP: dict[str, Any] = {"image": IMAGE, "multiWorker": {"workers": 2}}
VOLCANO: dict[str, Any] = {**GROUP, "gang": {"scheduler": "volcano", "queue": "research"}}
COSCHEDULING: dict[str, Any] = {**GROUP, "gang": {"scheduler": "coscheduling", "timeoutSeconds": 60}}
KUEUE: dict[str, Any] = {**GROUP, "gang": {"scheduler": "kueue", "queue": "team-a"}}
MEMBERS = {"mnist-worker-0", "mnist-worker-1"}
SERVES = Run(exit_code=None)


def group_name(user: User, attempt: int = 0) -> str:
    """Return the name of the group of the job `mnist`."""
    return f"mnist-{user.job('mnist')['metadata']['uid'][:8]}-a{attempt}"


def writes(cluster: Cluster, user: User, resource: str) -> list[tuple[str, int]]:
    """Return verb and status of the operator's writes of one kind."""
    return [(w.verb, w.code) for w in operator_writes(cluster.audit_log, user.namespace) if w.resource == resource]


@pytest.mark.parametrize("definition", [VOLCANO_POD_GROUPS, COSCHEDULING_POD_GROUPS], ids=["volcano", "coscheduling"])
def test_every_job_s_pod_group_is_one_that_its_scheduler_knows(user: User, definition: Any) -> None:
    """The server looks at every field of it and takes none that the definition does not have."""
    install(user, definition)
    scheduler = "volcano" if definition is VOLCANO_POD_GROUPS else "coscheduling"
    gang = {"scheduler": scheduler, "minAvailable": 1, "timeoutSeconds": 60}
    jobs = [EVERY_FIELD, mpi(nodes=2), elastic(1, 3, nodes=2), {"resources": {"requests": {"cpu": "1m", "x.y/z": 1}}}]
    groups: list[Manifest] = []
    for number, spec in enumerate(jobs):
        given = {"image": IMAGE, **spec, "gang": {**gang, **({"queue": "a"} if scheduler == "volcano" else {})}}
        plan = plan_job(make_job(f"job-{number}", namespace=user.namespace, spec=given), PlanOptions())
        assert plan.gang is not None
        groups += plan.gang.pod_groups(0)
    for group in groups:
        words = ("create", "--validate=strict", "--dry-run=server", "-o", "json", "-f", "-")
        stored = json.loads(user.kubectl(*words, stdin=json.dumps(group)))
        assert stored["spec"] == group["spec"]


def test_volcanos_pod_group_stands_before_the_pods_and_is_gone_with_the_end(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    install(user, VOLCANO_POD_GROUPS)
    with operated(cluster, user, tmp_path, by_name(worker_0=Run(after=("the end",)), worker_1=SERVES)) as at:
        user.apply_job("mnist", **VOLCANO)
        user.wait_for_phase("mnist", "Running")
        name = group_name(user)
        group = pod_groups(user, VOLCANO_POD_GROUPS)[name]
        assert group["spec"] == {"minMember": 2, "queue": "research"}
        assert group["metadata"]["ownerReferences"][0]["uid"] == user.job("mnist")["metadata"]["uid"]
        for pod in user.pods("mnist").values():
            assert pod["spec"]["schedulerName"] == "volcano"
            assert pod["metadata"]["annotations"]["scheduling.k8s.io/group-name"] == name
        at.kubelet.announce("the end")
        user.wait_finished("mnist", seconds=60)
        wait_until(lambda: pod_groups(user, VOLCANO_POD_GROUPS), lambda groups: not groups, 60)
        at.settle("mnist")
    created = [w.resource for w in operator_writes(cluster.audit_log, user.namespace) if w.verb == "create"]
    assert created.index("podgroups") < created.index("pods")
    assert writes(cluster, user, "podgroups") == [("create", 201), ("delete", 200)]


def test_each_attempt_has_a_pod_group_of_its_own_and_a_suspended_job_none(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    install(user, VOLCANO_POD_GROUPS)
    script = by_name(worker_0=(Run(exit_code=1), SERVES, Run()), worker_1=(SERVES, SERVES, Run()))
    with operated(cluster, user, tmp_path, script):
        user.apply_job("mnist", **VOLCANO)
        wait_until(lambda: user.status("mnist").get("attempt"), lambda attempt: attempt == 1, 60)
        user.wait_for_phase("mnist", "Running")
        assert list(pod_groups(user, VOLCANO_POD_GROUPS)) == [group_name(user, 1)]
        user.change_job("mnist", suspend=True)
        user.wait_for_phase("mnist", "Suspended")
        wait_until(lambda: pod_groups(user, VOLCANO_POD_GROUPS), lambda groups: not groups, 60)
        user.change_job("mnist", suspend=False, gang={"scheduler": "volcano", "queue": "night"})
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        wait_until(lambda: pod_groups(user, VOLCANO_POD_GROUPS), lambda groups: not groups, 60)


def test_job_says_what_is_missing_goes_on_when_it_is_there_and_holds_up_no_other(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    uninstall(user, COSCHEDULING_POD_GROUPS)
    with operated(cluster, user, tmp_path, by_name()) as at:
        user.apply_job("mnist", **COSCHEDULING)
        status = user.wait_for_reason("mnist", "GangSchedulerMissing")
        assert status["phase"] == "Pending"
        assert "PodGroup's CRD is not installed (scheduling.x-k8s.io/v1alpha1)" in status["message"]
        assert user.pods("mnist") == {}
        user.apply_job("other", image=IMAGE)
        assert user.wait_finished("other", seconds=60)["phase"] == "Succeeded"
        user.apply_job("leaving", **COSCHEDULING)
        user.wait_for_reason("leaving", "GangSchedulerMissing")
        user.change_job("leaving", cancel=True)
        user.wait_for_phase("leaving", "Cancelled")
        install(user, COSCHEDULING_POD_GROUPS)
        assert user.wait_finished("mnist", seconds=120)["phase"] == "Succeeded"
        assert at.process.exit_code is None
        labels = [pod["metadata"]["labels"] for pod in user.pods("mnist").values()]
        assert {found["scheduling.x-k8s.io/pod-group"] for found in labels} == {group_name(user)}


def test_job_in_a_queue_of_kueue_waits_visibly_and_starts_anew_as_a_new_group(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    # The end of the first worker is that of the job: it waits until the other one has been admitted as well.
    once_both_are_in = Run(after=("mnist-worker-1",))
    play = by_name(worker_0=(SERVES, once_both_are_in), worker_1=(Run(exit_code=1), Run()))
    with operated(cluster, user, tmp_path, play) as at:
        user.apply_job("mnist", **KUEUE)
        status = user.wait_for_reason("mnist", "Queued")
        assert (status["phase"], status["ready"]) == ("Pending", "0/2")
        assert status["message"].endswith("waits for Kueue to admit the job to queue team-a.")
        admit(user, "mnist")
        # What Kueue holds keeps its name, so the new pods wait until it lets go.
        let_go(user, "mnist", MEMBERS)
        status = wait_until(lambda: user.status("mnist"), lambda s: (s["attempt"], s["reason"]) == (1, "Queued"), 90)
        pods = user.pods("mnist")
        assert {pod["metadata"]["labels"]["kueue.x-k8s.io/pod-group-name"] for pod in pods.values()} == {
            group_name(user, 1)
        }
        assert {pod["metadata"]["annotations"]["kueue.x-k8s.io/pod-group-total-count"] for pod in pods.values()} == {
            "2"
        }
        admit(user, "mnist")
        assert user.wait_finished("mnist", seconds=60)["phase"] == "Succeeded"
        assert at.counts("mnist") == (1, 1, 0)


def test_pods_that_wait_for_the_others_in_vain_give_way_and_come_back(
    cluster: Cluster, user: User, tmp_path: Path
) -> None:
    full = Run(unschedulable="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
    with operated(cluster, user, tmp_path, by_name(worker_0=(SERVES, Run()), worker_1=(full, Run()))) as at:
        user.apply_job("mnist", **GROUP, gang={"timeoutSeconds": 2})
        status = user.wait_for_reason("mnist", "GangTimeout")
        assert status["message"].startswith(
            "After 2 s 1 of 2 pods, which must all, have a node; mnist-worker-1 found none: 0/2 nodes are available"
        )
        status = user.wait_finished("mnist", seconds=90)
        assert (status["phase"], status["gangRetries"]) == ("Succeeded", 1)
        assert at.counts("mnist") == (1, 0, 0)
        assert ("Warning", "GangTimeout") in at.events("mnist")
