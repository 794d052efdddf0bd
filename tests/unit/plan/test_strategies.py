"""Strategies: which replicas there are and whose end decides."""

from typing import Any

import pytest

from tests.support.builders import make_job
from trainingjob.plan import PlanOptions, PlanRefusedError, plan_job


@pytest.mark.parametrize(
    ("spec", "counts", "primary"),
    [
        ({}, {"worker": 1}, "mnist-worker-0"),
        ({"parameterServer": {}}, {"worker": 1, "ps": 1}, "mnist-worker-0"),
        ({"parameterServer": {"workers": 3, "servers": 2}}, {"worker": 3, "ps": 2}, "mnist-worker-0"),
        (
            {"parameterServer": {"workers": 2, "chief": True, "evaluator": True}},
            {"chief": 1, "worker": 2, "ps": 1, "evaluator": 1},
            "mnist-chief-0",
        ),
        ({"multiWorker": {}}, {"worker": 2}, "mnist-worker-0"),
        ({"multiWorker": {"workers": 1}}, {"worker": 1}, "mnist-worker-0"),
        (
            {"multiWorker": {"chief": True, "evaluator": True}},
            {"chief": 1, "worker": 2, "evaluator": 1},
            "mnist-chief-0",
        ),
    ],
)
def test_a_strategy_gives_its_replicas_in_order_and_its_primary(
    spec: dict[str, Any], counts: dict[str, int], primary: str
) -> None:
    plan = plan_job(make_job(spec=spec), PlanOptions())
    assert list(plan.counts().items()) == list(counts.items())
    assert plan.primary.pod == primary
    assert plan.primary in plan.replicas


def test_a_spec_that_does_not_validate_is_refused_with_its_problem() -> None:
    job = make_job(image=["no", "text"], invalid=True)
    with pytest.raises(PlanRefusedError, match=r"spec\.image") as caught:
        plan_job(job, PlanOptions())
    assert caught.value.reason == "InvalidSpec"
