"""Gangs in the plan: which pods count, and what each scheduler is told of them."""

from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pods import pod_of, render_pods
from tests.support.strategy_jobs import elastic, mpi
from trainingjob.plan import Manifest, PlanOptions, plan_job
from trainingjob.plan.quantities import add_quantities

GROUP = f"mnist-{JOB_UID[:8]}-a0"
SERVERS: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 1, "chief": True, "evaluator": True}}
VOLCANO_GROUP = "scheduling.k8s.io/group-name"
COSCHEDULING_GROUP = "scheduling.x-k8s.io/pod-group"
KUEUE_GROUP = "kueue.x-k8s.io/pod-group-name"
KUEUE_COUNT = "kueue.x-k8s.io/pod-group-total-count"


def group_of(attempt: int = 0, name: str = "mnist", **spec: Any) -> Manifest:
    """Return the only PodGroup of a job."""
    gang = plan_job(make_job(name, **spec), PlanOptions()).gang
    assert gang is not None
    (group,) = gang.pod_groups(attempt)
    return group


def words(pod: Manifest) -> dict[str, str]:
    """Return labels and annotations of a pod."""
    return {**pod["metadata"]["labels"], **pod["metadata"]["annotations"]}


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        ({}, 1),
        (SERVERS, 4),
        ({"multiWorker": {"workers": 3, "chief": True, "evaluator": True}}, 4),
        (mpi(nodes=4), 4),
        (mpi(nodes=4, launcherRunsWorker=True), 4),
        ({"torch": {"nodes": 3}}, 3),
        (elastic(2, 5, nodes=4), 2),
    ],
    ids=["single", "servers", "workers", "launcher", "launcher-node", "torch", "elastic"],
)
@pytest.mark.parametrize("scheduler", ["volcano", "coscheduling"])
def test_as_many_pods_must_find_a_node_as_compute_and_no_more(scheduler: str, spec: dict[str, Any], least: int) -> None:
    gang = {"scheduler": scheduler}
    assert group_of(**spec, gang=gang)["spec"]["minMember"] == least
    mark = VOLCANO_GROUP if scheduler == "volcano" else COSCHEDULING_GROUP
    pods = render_pods(make_job(**spec, gang=gang))
    members = [name for name, pod in pods.items() if words(pod).get(mark) == GROUP]
    assert len(members) >= least
    assert {name for name in pods if name not in members} <= {"mnist-launcher-0", "mnist-evaluator-0"}


def test_a_launcher_that_only_waits_takes_no_place_in_the_group() -> None:
    pods = render_pods(make_job(**mpi(nodes=2), gang={"scheduler": "coscheduling"}))
    assert [COSCHEDULING_GROUP in words(pod) for pod in pods.values()] == [False, True, True]
    pods = render_pods(make_job(**mpi(nodes=2, launcherRunsWorker=True), gang={"scheduler": "coscheduling"}))
    assert [COSCHEDULING_GROUP in words(pod) for pod in pods.values()] == [True, True]


def test_the_group_of_volcano_has_the_queue_the_priority_and_what_its_members_ask_for() -> None:
    group = group_of(
        **SERVERS,
        gpusPerWorker=2,
        resources={"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi", "rdma/hca": 1}},
        priorityClassName="high",
        gang={"scheduler": "volcano", "queue": "research", "timeoutSeconds": 60},
    )
    assert (group["apiVersion"], group["kind"]) == ("scheduling.volcano.sh/v1beta1", "PodGroup")
    assert group["metadata"]["ownerReferences"][0]["uid"] == JOB_UID
    assert group["spec"] == {
        "minMember": 4,
        # Chief, two workers and the server; the server has no GPU, and the evaluator is no member.
        "minResources": {"cpu": "2", "memory": "4294967296", "nvidia.com/gpu": "6", "rdma/hca": "4"},
        "queue": "research",
        "priorityClassName": "high",
    }


def test_the_group_of_coscheduling_has_the_timeout_and_nothing_that_keeps_it_from_being_looked_at_again() -> None:
    gang = {"scheduler": "coscheduling", "timeoutSeconds": 60}
    group = group_of(multiWorker={"workers": 3}, gpusPerWorker=1, gang=gang)
    assert group["apiVersion"] == "scheduling.x-k8s.io/v1alpha1"
    assert group["spec"] == {"minMember": 3, "scheduleTimeoutSeconds": 60}


def test_fewer_members_ask_for_less() -> None:
    group = group_of(
        multiWorker={"workers": 3}, gpusPerWorker=1, gang={"scheduler": "volcano", "minAvailable": 2, "queue": "a"}
    )
    assert (group["spec"]["minMember"], group["spec"]["minResources"]) == (2, {"nvidia.com/gpu": "2"})


@pytest.mark.parametrize(
    ("scheduler", "name"), [("volcano", "volcano"), ("coscheduling", "scheduler-plugins-scheduler")]
)
def test_pods_go_to_the_scheduler_of_the_gang_unless_the_user_calls_it_otherwise(scheduler: str, name: str) -> None:
    assert pod_of(gang={"scheduler": scheduler})["spec"]["schedulerName"] == name
    assert pod_of(gang={"scheduler": scheduler}, schedulerName="batch")["spec"]["schedulerName"] == "batch"


def test_a_pod_outside_the_group_of_volcano_waits_in_the_same_queue() -> None:
    pods = render_pods(make_job(**mpi(nodes=2), gang={"scheduler": "volcano", "queue": "research"}))
    assert words(pods["mnist-launcher-0"])["scheduling.volcano.sh/queue-name"] == "research"
    assert pods["mnist-launcher-0"]["spec"]["schedulerName"] == "volcano"
    assert "scheduling.volcano.sh/queue-name" not in words(pods["mnist-worker-0"])


def test_a_group_of_kueue_counts_every_pod_but_the_evaluator() -> None:
    gang = {"scheduler": "kueue", "queue": "team-a"}
    pods = render_pods(make_job(**SERVERS, gang=gang))
    in_group = {name: words(pod).get(KUEUE_COUNT) for name, pod in pods.items()}
    assert in_group == {**dict.fromkeys(pods, "4"), "mnist-evaluator-0": None}
    assert {words(pod)["kueue.x-k8s.io/queue-name"] for pod in pods.values()} == {"team-a"}
    with_launcher = render_pods(make_job(**mpi(nodes=2), gang=gang))
    assert {words(pod)[KUEUE_COUNT] for pod in with_launcher.values()} == {"3"}


def test_pods_of_kueue_are_gated_from_the_first_and_are_never_replaced_within_their_group() -> None:
    pod = pod_of(multiWorker={"workers": 2}, gang={"scheduler": "kueue", "queue": "team-a"})
    assert pod["spec"]["schedulingGates"] == [{"name": "kueue.x-k8s.io/admission"}]
    assert words(pod)["kueue.x-k8s.io/retriable-in-group"] == "false"
    assert plan_job(make_job(gang={"scheduler": "kueue", "queue": "a"}), PlanOptions()).gang is not None


def test_each_attempt_has_a_group_of_its_own() -> None:
    job = make_job(multiWorker={"workers": 2}, gang={"scheduler": "kueue", "queue": "team-a"})
    groups = {words(pod)[KUEUE_GROUP] for attempt in (0, 1) for pod in render_pods(job, attempt=attempt).values()}
    assert groups == {GROUP, f"mnist-{JOB_UID[:8]}-a1"}
    gang = {"scheduler": "volcano"}
    assert group_of(1, gang=gang)["metadata"]["name"] == f"mnist-{JOB_UID[:8]}-a1"


def test_the_name_of_a_group_fits_into_a_label() -> None:
    name = group_of(12, name="a" * 30 + "-" * 10 + "b" * 10, gang={"scheduler": "coscheduling"})["metadata"]["name"]
    assert len(name) <= 63
    assert name.endswith(f"-{JOB_UID[:8]}-a12")
    cut = group_of(12, name="a" * 35 + "-" * 17 + "b", gang={"scheduler": "coscheduling"})["metadata"]["name"]
    assert cut == f"{'a' * 35}-{JOB_UID[:8]}-a12"


@pytest.mark.parametrize("gang", [None, {"scheduler": "none"}, {"timeoutSeconds": 60}])
def test_a_job_without_a_scheduler_for_gangs_has_the_pods_of_any_job(gang: dict[str, Any] | None) -> None:
    plain = pod_of(multiWorker={"workers": 2})
    pod = pod_of(multiWorker={"workers": 2}, gang=gang)
    assert pod["spec"] == plain["spec"]
    assert pod["metadata"]["labels"] == plain["metadata"]["labels"]


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        (["500m", "1"], "1500m"),
        (["500m", "500m"], "1"),
        (["1Gi", "512Mi", 1], "1610612737"),
        (["1G", "1k"], "1000001000"),
        (["1e3", "0.5"], "1000500m"),
        (["100u"], "1m"),
        ([], "0"),
    ],
)
def test_quantities_add_up_as_kubernetes_reads_them(amounts: list[str | int], total: str) -> None:
    assert add_quantities(amounts) == total
