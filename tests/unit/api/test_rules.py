"""The rules as the operator applies them to stored jobs: the same tables as on the API server."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.accepted_jobs import ACCEPTED
from tests.support.builders import make_job_body
from tests.support.every_field import CHANGES, EVERY_CODE_FIELD, EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD
from tests.support.job_cases import IMAGE, Accepted, Malformed, Refused
from tests.support.malformed_jobs import MALFORMED
from tests.support.refused_jobs import REFUSED
from trainingjob.api.base import Model, field_names
from trainingjob.api.constants import DNS_LABEL_MAX, MAX_REPLICAS
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.api.job_rules import MUTABLE
from trainingjob.api.process_strategies import Mpi, Torch
from trainingjob.api.rule import NO_QUANTITY, Rule
from trainingjob.api.rules import RULES, validate_job
from trainingjob.api.spec import ParameterServer, TrainingJobSpec
from trainingjob.api.status import MAX_RESTARTING

EVERY = [EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD, EVERY_CODE_FIELD]

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stored(name: str, spec: dict[str, Any]) -> TrainingJob:
    """Return a job as the operator reads it."""
    return read_job(make_job_body(name, spec={"image": None if "framework" in spec else IMAGE, **spec}))


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_stored_job_that_breaks_a_rule_is_a_problem_with_the_same_sentence(case: Refused) -> None:
    job = stored(case.name, case.spec)
    assert job.problem == f"{case.path}: {case.sentence}"
    assert job.spec is None


@pytest.mark.parametrize("case", MALFORMED, ids=str)
def test_a_stored_job_of_another_form_is_a_problem_that_names_the_field(case: Malformed) -> None:
    job = stored("mnist", case.spec)
    assert job.problem.startswith(case.path)
    assert job.spec is None


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_a_stored_job_that_breaks_no_rule_is_no_problem(case: Accepted) -> None:
    assert stored(case.name, case.spec).problem == ""


@pytest.mark.parametrize("spec", EVERY, ids=["tf", "mpi", "torch", "code"])
def test_a_job_with_every_field_is_no_problem(spec: dict[str, Any]) -> None:
    assert stored("everything", spec).problem == ""


def test_the_job_with_every_field_and_its_changes_leave_no_field_out() -> None:
    assert CHANGES.keys() == field_names(TrainingJobSpec).keys()
    assert set().union(*EVERY) == CHANGES.keys()
    assert CHANGES.keys() > MUTABLE


@pytest.mark.parametrize(
    ("given", "model"),
    [
        (EVERY_FIELD["parameterServer"], ParameterServer),
        (EVERY_MPI_FIELD["mpi"], Mpi),
        (EVERY_TORCH_FIELD["torch"], Torch),
    ],
)
def test_the_jobs_with_every_field_leave_none_of_their_strategy_out(given: dict[str, Any], model: type[Model]) -> None:
    assert given.keys() == field_names(model).keys()


@pytest.mark.parametrize(
    "rule",
    [rule for rules in RULES.values() for rule in rules if rule.sentence != NO_QUANTITY],
    ids=lambda rule: f"{rule.field} {rule.sentence}",
)
def test_every_rule_is_broken_by_a_job_of_the_tables(rule: Rule[Any]) -> None:
    sentence = re.compile(re.sub("%[sd]", ".*", re.escape(rule.sentence)))
    breaking = [case for case in REFUSED if sentence.fullmatch(case.sentence) and case.path.endswith(rule.field)]
    assert breaking


def test_each_broken_rule_has_a_sentence_of_its_own() -> None:
    spec = TrainingJobSpec.model_validate(
        {"image": IMAGE, "workingDir": "app", "parameterServer": {}, "multiWorker": {}}
    )
    assert validate_job("1st", spec) == [
        "metadata.name: 1st cannot be a host name; begin with a letter and use only small letters, digits and '-', "
        "the last not '-'",
        "spec: give at most one of parameterServer, multiWorker, mpi, torch; there are 2",
        "spec.workingDir: app is a relative path; begin with /",
    ]


@unhurried
@given(
    length=st.integers(45, 60),
    workers=st.integers(1, MAX_REPLICAS),
    servers=st.none() | st.integers(1, MAX_REPLICAS),
    chief=st.booleans(),
    evaluator=st.booleans(),
)
def test_a_name_is_too_long_exactly_when_the_name_of_some_pod_is(
    length: int, workers: int, servers: int | None, chief: bool, evaluator: bool
) -> None:
    block: dict[str, Any] = {"workers": workers, "chief": chief, "evaluator": evaluator}
    strategy = {"multiWorker": block} if servers is None else {"parameterServer": {**block, "servers": servers}}
    counts = {"worker": workers, "ps": servers or 0, "chief": int(chief), "evaluator": int(evaluator)}
    check_name(length, strategy, counts)


@unhurried
@given(length=st.integers(45, 60), nodes=st.integers(1, MAX_REPLICAS), launcher_runs_worker=st.booleans())
def test_a_name_is_too_long_exactly_when_that_of_the_launcher_or_of_a_worker_is(
    length: int, nodes: int, launcher_runs_worker: bool
) -> None:
    strategy = {"mpi": {"nodes": nodes, "launcherRunsWorker": launcher_runs_worker}, "command": ["train"]}
    check_name(length, strategy, {"launcher": 1, "worker": nodes - launcher_runs_worker})


@unhurried
@given(length=st.integers(45, 60), nodes=st.integers(1, MAX_REPLICAS), room=st.none() | st.integers(0, 2000))
def test_a_name_is_too_long_exactly_when_that_of_the_last_worker_may_become(
    length: int, nodes: int, room: int | None
) -> None:
    most = nodes if room is None else min(nodes + room, MAX_RESTARTING)
    elastic = {} if room is None else {"elastic": {"minNodes": 1, "maxNodes": most}}
    check_name(length, {"torch": {"nodes": min(nodes, most), **elastic}, "command": ["train"]}, {"worker": most})


def check_name(length: int, strategy: dict[str, Any], counts: dict[str, int]) -> None:
    """Demand that a name of some length is refused just when a pod's name is too long, with the excess."""
    name = "a" * length
    longest = max(len(f"{name}-{role}-{count - 1}") for role, count in counts.items() if count)

    problems = validate_job(name, TrainingJobSpec.model_validate({"image": IMAGE, **strategy}))

    excess = longest - DNS_LABEL_MAX
    assert bool(problems) == (excess > 0)
    assert all(f"too long by {excess}: " in problem for problem in problems)
