"""Names of children: what Kubernetes can have, and what is refused with the numbers."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pods import render_pods
from trainingjob.plan import PlanOptions, PlanRefusedError, plan_job


def refusal(name: str, **spec: Any) -> PlanRefusedError:
    with pytest.raises(PlanRefusedError) as caught:
        plan_job(make_job(name, **spec), PlanOptions())
    return caught.value


def test_every_replica_has_a_pod_named_by_job_role_and_index() -> None:
    job = make_job(parameterServer={"workers": 2, "servers": 1, "chief": True, "evaluator": True})
    assert list(render_pods(job)) == [
        "mnist-chief-0",
        "mnist-worker-0",
        "mnist-worker-1",
        "mnist-ps-0",
        "mnist-evaluator-0",
    ]


def test_a_pod_name_of_63_characters_is_planned() -> None:
    (name,) = render_pods(make_job("j" * 54))
    assert len(name) == 63


@pytest.mark.parametrize(
    ("length", "spec", "longest", "excess"),
    [
        (55, {}, "worker-0", 1),
        (60, {"multiWorker": {"workers": 1000}}, "worker-999", 8),
        (60, {"parameterServer": {"evaluator": True}}, "evaluator-0", 9),
        (54, {"multiWorker": {"workers": 11}}, "worker-10", 1),
    ],
)
def test_a_pod_name_above_63_characters_is_refused_with_its_excess(
    length: int, spec: dict[str, Any], longest: str, excess: int
) -> None:
    error = refusal("j" * length, **spec)
    assert error.reason == "NameTooLong"
    assert f"{'j' * length}-{longest} has {63 + excess} characters" in str(error)
    assert str(error).endswith(f"too long by {excess}.")


@pytest.mark.parametrize("name", ["1job", "a.b", "job-", "Job", "a_b", "job\n"])
def test_a_name_that_no_service_can_have_is_refused(name: str) -> None:
    assert refusal(name).reason == "InvalidName"


def test_the_config_map_carries_the_job_s_uid() -> None:
    spec = {"multiWorker": {"workers": 60}}
    names = {
        config_map["metadata"]["name"]
        for uid in ("aaaaaaaa-0000", "bbbbbbbb-0000")
        for config_map in plan_job(make_job(uid=uid, spec=spec), PlanOptions()).config_maps
    }
    assert names == {"mnist-aaaaaaaa-cluster", "mnist-bbbbbbbb-cluster"}
