"""Whole jobs and the children that they are given, to be read by people.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/unit/plan/test_golden.py`, then read the difference.
"""

import os
from pathlib import Path

import pytest
import yaml

from tests.support.builders import make_job
from trainingjob.plan import PlanOptions, plan_job

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(path.name.removesuffix(".job.yaml") for path in FOLDER.glob("*.job.yaml"))


def children_text(case: str) -> str:
    """Return Service, ConfigMaps, Secrets, the first and last pod of each role and the TensorBoard as YAML."""
    body = yaml.safe_load((FOLDER / f"{case}.job.yaml").read_text())
    job = make_job(body["metadata"]["name"], body["metadata"]["namespace"], spec=body["spec"])
    plan = plan_job(job, PlanOptions())
    first = {replica.role: replica for replica in reversed(plan.replicas)}
    last = {replica.role: replica for replica in plan.replicas}
    shown = [replica for replica in plan.replicas if replica in (*first.values(), *last.values())]
    secrets = [secret.manifest for secret in plan.key_secrets(0)]
    pods = (plan.render(replica, 0) for replica in shown)
    children = [plan.service, *plan.config_maps, *secrets, *pods, *plan.tensorboard]
    return yaml.safe_dump_all(children, sort_keys=False, width=120, explicit_start=True)


@pytest.mark.parametrize("case", CASES)
def test_a_job_is_given_the_children_that_stand_beside_it(case: str) -> None:
    text = children_text(case)
    path = FOLDER / f"{case}.children.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_every_strategy_has_an_example_and_no_children_stand_alone() -> None:
    known = "code conda large-parameter-server mpi multi-worker parameter-server single tensorboard torch"
    assert known.split() == CASES
    assert {path.name.removesuffix(".children.yaml") for path in FOLDER.glob("*.children.yaml")} == {*CASES}
