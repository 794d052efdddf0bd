"""Names of children: by which the processes of a job find one another."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pods import render_pods
from trainingjob.plan import PlanOptions, PlanRefusedError, plan_job


def test_every_replica_has_a_pod_named_by_job_role_and_index() -> None:
    job = make_job(parameterServer={"workers": 2, "servers": 1, "chief": True, "evaluator": True})
    assert list(render_pods(job)) == [
        "mnist-chief-0",
        "mnist-worker-0",
        "mnist-worker-1",
        "mnist-ps-0",
        "mnist-evaluator-0",
    ]


@pytest.mark.parametrize(
    ("length", "spec"),
    [
        (54, {}),
        (52, {"multiWorker": {"workers": 1000}}),
        (51, {"multiWorker": {"workers": 1000, "evaluator": True}}),
        (53, {"parameterServer": {"workers": 11, "servers": 1000, "chief": True}}),
    ],
)
def test_the_longest_name_of_a_job_may_have_63_characters(length: int, spec: dict[str, Any]) -> None:
    assert max(map(len, render_pods(make_job("j" * length, spec=spec)))) == 63
    with pytest.raises(PlanRefusedError, match="too long by 1"):
        plan_job(make_job("j" * (length + 1), spec=spec, invalid=True), PlanOptions())


def test_the_config_map_carries_the_job_s_uid() -> None:
    spec = {"multiWorker": {"workers": 60}}
    names = {
        config_map["metadata"]["name"]
        for uid in ("aaaaaaaa-0000", "bbbbbbbb-0000")
        for config_map in plan_job(make_job(uid=uid, spec=spec), PlanOptions()).config_maps
    }
    assert names == {"mnist-aaaaaaaa-cluster", "mnist-bbbbbbbb-cluster"}
