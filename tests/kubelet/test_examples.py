"""The examples train to their end on a real kubelet, and have learned."""

import re

import pytest
import yaml

from devtools.paths import REPOSITORY
from tests.support.user import User

pytestmark = pytest.mark.kubelet

LEARNED = 0.85
"""Guessing one of ten digits is right in 0.1 of the cases."""


def apply_example(user: User, name: str) -> str:
    """Apply an example's manifest and return the name of its job."""
    objects = list(yaml.safe_load_all((REPOSITORY / "examples" / name / "job.yaml").read_text()))
    user.apply(*objects)
    return str(next(item["metadata"]["name"] for item in objects if item["kind"] == "TrainingJob"))


@pytest.mark.parametrize(
    ("example", "pod", "left"),
    [
        ("sklearn-digits", "worker-0", {"worker-0"}),
        ("tensorflow-estimator", "evaluator-0", {"chief-0", "worker-0", "worker-1", "evaluator-0"}),
        ("tensorflow-parameter-server", "chief-0", {"chief-0"}),
        ("tensorflow-multi-worker", "worker-0", {"worker-0"}),
    ],
)
def test_example_succeeds_has_learned_and_leaves_only_what_has_ended(
    user: User, example: str, pod: str, left: set[str]
) -> None:
    job = apply_example(user, example)
    status = user.wait_finished(job, seconds=400)
    assert status["phase"] == "Succeeded", status
    (accuracy, *_) = re.findall(r"accuracy=(\d\.\d+)", user.kubectl("logs", f"{job}-{pod}"))[-1:]
    assert float(accuracy) > LEARNED
    gone = {f"{job}-ps-0", *(() if "worker-0" in left else {f"{job}-worker-0", f"{job}-worker-1"})}
    wanted = {f"{job}-{name}" for name in left}
    user.wait_until_pods(job, lambda pods: wanted <= set(pods) and not gone & set(pods))
