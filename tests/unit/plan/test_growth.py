"""The bytes of a job: they grow with its replicas, not with their square."""

import json
from itertools import pairwise

import pytest

from tests.support.builders import make_job
from trainingjob.plan import PlanOptions, plan_job


def total_bytes(workers: int) -> int:
    """Return the bytes of all children of a parameter-server job."""
    plan = plan_job(make_job("j" * 50, parameterServer={"workers": workers, "servers": 10}), PlanOptions())
    pods = [plan.render(replica, 0) for replica in plan.replicas]
    return sum(len(json.dumps(child)) for child in (plan.service, *plan.config_maps, *pods))


def test_each_further_worker_costs_the_same_bytes() -> None:
    sizes = {workers: total_bytes(workers) for workers in (100, 200, 400, 800)}
    each = [(sizes[more] - sizes[fewer]) / (more - fewer) for fewer, more in pairwise(sizes)]
    assert max(each) - min(each) < 8


@pytest.mark.parametrize("workers", [10, 49, 50, 51, 990])
def test_every_object_stays_far_below_what_can_be_stored(workers: int) -> None:
    plan = plan_job(make_job("j" * 50, parameterServer={"workers": workers, "servers": 1}), PlanOptions())
    children = [plan.service, *plan.config_maps, plan.render(plan.primary, 0), plan.render(plan.replicas[-1], 0)]
    assert max(len(json.dumps(child)) for child in children) < 150_000


def test_a_pod_of_a_large_job_is_small() -> None:
    plan = plan_job(make_job("j" * 50, multiWorker={"workers": 990}), PlanOptions())
    assert len(json.dumps(plan.render(plan.primary, 0))) < 4096
