"""The hash of a spec: the same for the same job, over upgrades of the operator too."""

from typing import Any

import pydantic
import pytest

from tests.support.builders import make_job
from tests.support.pods import pod_of
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.spec_hash import spec_hash


def hash_of(**spec: Any) -> str:
    job = make_job(**spec)
    assert job.spec is not None
    return spec_hash(job.spec)


class LaterSpec(TrainingJobSpec):
    """The spec of a later operator: two fields more."""

    cancel: bool = False
    max_restarts: int = 3
    labels: dict[str, str] | None = pydantic.Field(None)


def test_a_field_that_a_later_operator_adds_changes_no_hash() -> None:
    stored = {"image": "a:1", "parameterServer": {"workers": 3}, "gpusPerWorker": 1}
    assert spec_hash(TrainingJobSpec.model_validate(stored)) == spec_hash(LaterSpec.model_validate(stored))
    defaulted = {**stored, "cancel": False, "maxRestarts": 3}
    assert spec_hash(TrainingJobSpec.model_validate(stored)) == spec_hash(LaterSpec.model_validate(defaulted))


def test_a_default_that_the_api_server_has_stored_changes_no_hash() -> None:
    written = hash_of(parameterServer={})
    stored = hash_of(
        parameterServer={"workers": 1, "servers": 1, "chief": False, "evaluator": False},
        gpusPerWorker=0,
        accelerator="nvidia.com/gpu",
        successPolicy="Primary",
        stopGraceSeconds=30,
    )
    assert written == stored


def test_the_hash_of_a_known_job_stays_what_it_was() -> None:
    # A pod that runs on while the operator is upgraded says by such a value what it was made from.
    assert hash_of(parameterServer={"workers": 2, "chief": True}, gpusPerWorker=1, command=["python", "a.py"]) == (
        "69c8675f95bdf2a5bcdd9a13b2140184c9da06b61f2714d7fd914058430b4dd2"
    )


def test_what_may_change_while_the_job_lives_is_not_hashed() -> None:
    assert hash_of(evaluatorGraceSeconds=1) == hash_of(evaluatorGraceSeconds=2)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "b:2"},
        {"parameterServer": {}},
        {"multiWorker": {}},
        {"env": [{"name": "A", "value": ""}]},
        {"gpusPerWorker": 1},
        {"stopGraceSeconds": 31},
        {"overrides": {"worker": {"args": []}}},
    ],
)
def test_what_a_job_is_made_of_changes_the_hash(change: dict[str, object]) -> None:
    assert hash_of(**change) != hash_of()


def test_the_order_of_labels_changes_no_hash_and_the_order_of_variables_does() -> None:
    assert hash_of(podLabels={"a": "1", "b": "2"}) == hash_of(podLabels={"b": "2", "a": "1"})
    first, second = {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}
    assert hash_of(env=[first, second]) != hash_of(env=[second, first])


def test_the_pods_carry_the_hash() -> None:
    annotations = pod_of(gpusPerWorker=1)["metadata"]["annotations"]
    assert annotations["trainingjob.dev/spec-hash"] == hash_of(gpusPerWorker=1)


def test_hash_of_an_elastic_job_does_not_know_how_many_nodes_it_has_just_now() -> None:
    def torch(nodes: int, **more: Any) -> str:
        return hash_of(command=["python", "x.py"], torch={"nodes": nodes, **more})

    elastic = {"elastic": {"minNodes": 1, "maxNodes": 4}}
    assert torch(2, **elastic) == torch(4, **elastic)
    assert torch(2) != torch(4)
