"""What may change while a job is suspended and has no pods: where they run, what they ask for, how many there are."""

from typing import Any

import pytest

from tests.support.changes import FOR_EVER, WHILE_SUSPENDED, change, write_status
from tests.support.every_field import CHANGES, EVERY_FIELD
from tests.support.strategy_jobs import TRAIN, elastic, mpi
from tests.support.user import RefusedError, User
from trainingjob.api.changes import TOLD_ONCE
from trainingjob.api.job_rules import MUTABLE_WHILE_SUSPENDED, REPLICAS

pytestmark = pytest.mark.apiserver

CREATED: dict[str, Any] = {"image": "registry.example.com/mnist:1.0"}
WIDE = {"podLabels": {"team": "vision"}}

COUNTS = [
    ("parameterServer", {"workers": 2, "servers": 1}, {"workers": 3}),
    ("parameterServer", {"workers": 2, "servers": 1}, {"servers": 2}),
    ("multiWorker", {"workers": 2}, {"workers": 1}),
    ("mpi", {"nodes": 2}, {"nodes": 4}),
    ("torch", {"nodes": 2}, {"nodes": 1}),
]

KEPT = [
    ("parameterServer", {"workers": 2}, {"workers": 3, "evaluator": True}, "parameterServer.evaluator"),
    ("multiWorker", {"workers": 2}, {"chief": True}, "multiWorker.chief"),
    ("mpi", {"nodes": 2}, {"nodes": 3, "processesPerNode": 2}, "mpi.processesPerNode"),
    ("torch", {"nodes": 2}, {"backend": "gloo"}, "torch.backend"),
    ("torch", {"nodes": 2}, {"elastic": {"minNodes": 1, "maxNodes": 2}}, "torch.elastic"),
    ("torch", {"nodes": 2}, None, "torch"),
]


def refused(user: User, **spec: Any) -> str:
    """Return what kubectl prints when it cannot change the job `mnist`."""
    with pytest.raises(RefusedError) as caught:
        change(user, "mnist", **spec)
    return str(caught.value)


def suspended(user: User, **spec: Any) -> None:
    """Apply a job `mnist` that is suspended and has no pods any more."""
    user.apply_job("mnist", **{**spec, "suspend": True})
    write_status(user, "mnist", phase="Suspended")


@pytest.mark.parametrize("field", sorted(MUTABLE_WHILE_SUSPENDED - {"gang"}))
def test_a_field_that_places_the_pods_can_change_while_the_job_has_none(user: User, field: str) -> None:
    suspended(user, **EVERY_FIELD)
    change(user, "mnist", **{field: CHANGES[field]})
    assert field not in user.job("mnist")["spec"]
    change(user, "mnist", **{field: EVERY_FIELD[field]})
    assert user.job("mnist")["spec"] == EVERY_FIELD


def test_all_of_a_gang_but_its_scheduler_can_change_while_the_job_has_no_pods(user: User) -> None:
    suspended(user, **EVERY_FIELD)
    change(user, "mnist", gang=CHANGES["gang"])
    assert user.job("mnist")["spec"]["gang"] == CHANGES["gang"]
    assert f"gang.scheduler {FOR_EVER}" in refused(user, gang={"scheduler": "coscheduling", "queue": None})
    assert f"gang.scheduler {FOR_EVER}" in refused(user, gang=None)


@pytest.mark.parametrize(("strategy", "given", "changed"), COUNTS)
def test_a_count_of_replicas_can_change_while_the_job_has_none(
    user: User, strategy: str, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    suspended(user, **CREATED, command=TRAIN, **{strategy: given})
    change(user, "mnist", **{strategy: changed})
    assert user.job("mnist")["spec"][strategy].items() >= {**given, **changed}.items()


def test_every_count_of_replicas_is_changed_by_these_tests() -> None:
    changed = {(strategy, name) for strategy, _, counts in COUNTS for name in counts}
    assert changed == {(strategy, name) for strategy, names in REPLICAS.items() for name in names}


@pytest.mark.parametrize(("strategy", "given", "changed", "name"), KEPT)
def test_the_rest_of_a_strategy_cannot_change_even_then(
    user: User, strategy: str, given: dict[str, Any], changed: dict[str, Any] | None, name: str
) -> None:
    suspended(user, **CREATED, command=TRAIN, **{strategy: given})
    assert f"spec: Forbidden: {name} {FOR_EVER}" in refused(user, **{strategy: changed})


def test_what_the_pods_are_made_of_cannot_change_even_then(user: User) -> None:
    suspended(user, **CREATED)
    assert f"spec: Forbidden: image {FOR_EVER}" in refused(user, **WIDE, image="other")


def test_a_queue_can_resume_a_job_and_place_it_in_one_write(user: User) -> None:
    suspended(user, **CREATED)
    change(user, "mnist", suspend=False, nodeSelector={"pool": "spot"})
    assert user.job("mnist")["spec"]["nodeSelector"] == {"pool": "spot"}


def test_a_job_cannot_be_suspended_and_changed_in_one_write(user: User) -> None:
    user.apply_job("mnist", **CREATED)
    assert f"spec: Forbidden: podLabels {WHILE_SUSPENDED}" in refused(user, suspend=True, **WIDE)


@pytest.mark.parametrize(
    ("suspend", "phase"), [(False, "Running"), (False, "Suspended"), (True, "Running"), (True, None)]
)
def test_a_job_that_may_have_pods_cannot_change(user: User, suspend: bool, phase: str | None) -> None:
    user.apply_job("mnist", **CREATED, suspend=suspend)
    if phase:
        write_status(user, "mnist", phase=phase)
    assert f"spec: Forbidden: podLabels {WHILE_SUSPENDED}" in refused(user, **WIDE)


@pytest.mark.parametrize(("strategy", "given", "changed"), COUNTS[:-1])
def test_a_count_of_replicas_cannot_change_while_they_run(
    user: User, strategy: str, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    user.apply_job("mnist", **CREATED, command=TRAIN, **{strategy: given})
    (name,) = changed
    told = refused(user, **{strategy: changed})
    assert f"spec: Forbidden: {strategy}.{name} {WHILE_SUSPENDED}: {TOLD_ONCE[strategy]}; set suspend: true" in told


@pytest.mark.parametrize("field", sorted(MUTABLE_WHILE_SUSPENDED - {"gang"}))
def test_a_field_that_places_the_pods_cannot_change_while_they_run(
    shared_user: User, running_job: str, field: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        change(shared_user, running_job, **{field: CHANGES[field]})
    assert f"spec: Forbidden: {field} {WHILE_SUSPENDED}" in str(caught.value)


@pytest.fixture(scope="module")
def running_job(shared_user: User) -> str:
    """Return the name of a job with every field that is about to be suspended, which no test may change."""
    shared_user.apply_job("running", **EVERY_FIELD)
    write_status(shared_user, "running", phase="Running")
    return "running"


def test_the_bounds_of_an_elastic_job_hold_while_it_is_suspended(user: User) -> None:
    suspended(user, **CREATED, **elastic(1, 4, nodes=2))
    assert "spec.torch.nodes: Forbidden: 5 is out of the bounds of elastic" in refused(user, torch={"nodes": 5})


def test_more_replicas_than_the_name_has_room_for_are_refused_while_the_job_is_suspended(user: User) -> None:
    name = "a" * 52
    user.apply_job(name, **CREATED, **mpi(nodes=2), suspend=True)
    write_status(user, name, phase="Suspended")
    with pytest.raises(RefusedError, match=r"metadata\.name: Forbidden: the name is too long by 1: its pod"):
        change(user, name, mpi={"nodes": 1001})
