"""What a user reads who applies a TrainingJob: accepted with defaults, or refused with a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.paths import REPOSITORY
from tests.support.accepted_jobs import ACCEPTED
from tests.support.changes import write_status
from tests.support.every_field import EVERY_CODE_FIELD, EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD
from tests.support.job_cases import IMAGE, Accepted, Malformed, Refused, manifest
from tests.support.malformed_jobs import MALFORMED
from tests.support.refused_jobs import REFUSED
from tests.support.strategy_jobs import policy
from tests.support.user import RefusedError, User, wait_until

pytestmark = pytest.mark.apiserver

EXAMPLES = sorted(
    path for path in (REPOSITORY / "examples").glob("*/*.yaml") if "kind: TrainingJob\n" in path.read_text()
)

SHORT_JOB = """\
apiVersion: trainingjob.dev/v1
kind: TrainingJob
metadata:
  name: mnist
spec:
  image: registry.example.com/mnist:1.0
  command: [python, /app/train.py, --epochs, "10"]
  gpusPerWorker: 1
  parameterServer:
    workers: 2
    servers: 1
"""


def refusal(user: User, job: dict[str, object]) -> str:
    """Return what kubectl prints when it cannot apply a job."""
    with pytest.raises(RefusedError) as caught:
        user.apply(job)
    return str(caught.value)


def accept(user: User, job: dict[str, object]) -> None:
    """Apply a job up to the point where it would be stored."""
    user.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(job))


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_job_that_breaks_a_rule_is_refused_with_the_fields_name_and_a_sentence(
    shared_user: User, case: Refused
) -> None:
    assert f"{case.path}: Forbidden: {case.sentence}" in refusal(shared_user, manifest(case.name, case.spec))


@pytest.mark.parametrize("case", MALFORMED, ids=str)
def test_a_malformed_field_is_refused_by_its_name(shared_user: User, case: Malformed) -> None:
    assert case.path in refusal(shared_user, manifest("mnist", case.spec))


def test_a_memory_limit_that_is_no_quantity_is_answered_with_an_example(shared_user: User) -> None:
    message = refusal(shared_user, manifest("mnist", {"resources": {"limits": {"memory": "8GB"}}}))
    assert "8GB is no quantity; write one like 2, 500m or 4Gi" in message


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_a_job_that_breaks_no_rule_is_accepted(shared_user: User, case: Accepted) -> None:
    accept(shared_user, manifest(case.name, case.spec))


@pytest.mark.parametrize(
    "spec", [EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD, EVERY_CODE_FIELD], ids=["tf", "mpi", "torch", "code"]
)
def test_a_job_with_every_field_is_stored_as_it_was_written(user: User, spec: dict[str, object]) -> None:
    user.apply_job("everything", **spec)
    assert user.job("everything")["spec"] == spec


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"replicas": 2}, "spec.replicas"),
        ({"parameterServer": {"chef": True}}, "spec.parameterServer.chef"),
        ({"env": [{"name": "SEED", "val": "1"}]}, "spec.env[0].val"),
        ({"overrides": {"worker": {"replicas": 2}}}, "spec.overrides.worker.replicas"),
    ],
)
def test_an_unknown_field_is_refused_and_not_dropped(shared_user: User, spec: dict[str, object], field: str) -> None:
    assert f'unknown field "{field}"' in refusal(shared_user, manifest("mnist", spec))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_example_is_accepted(shared_user: User, path: Path) -> None:
    shared_user.kubectl("apply", "--dry-run=server", "-f", str(path))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_the_server_adds_the_defaults_of_every_level(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    assert user.job("mnist")["spec"] == {
        **yaml.safe_load(SHORT_JOB)["spec"],
        "accelerator": "nvidia.com/gpu",
        "parameterServer": {"workers": 2, "servers": 1, "chief": False, "evaluator": False},
        "successPolicy": "Primary",
        "cleanPodPolicy": "Running",
        "stopGraceSeconds": 30,
        "evaluatorGraceSeconds": 900,
        "suspend": False,
        "cancel": False,
        "maxRestarts": 3,
        "maxDisruptions": 100,
        "onNodeLost": "ForceDelete",
    }


@pytest.mark.parametrize(
    ("strategy", "given", "stored"),
    [
        ("mpi", {}, {"nodes": 2, "implementation": "OpenMPI", "launcherRunsWorker": False}),
        ("torch", {}, {"nodes": 1}),
    ],
)
def test_the_server_adds_the_defaults_of_a_strategy(
    user: User, strategy: str, given: dict[str, object], stored: dict[str, object]
) -> None:
    user.apply_job("mnist", image=IMAGE, command=["python", "train.py"], **{strategy: given})
    assert user.job("mnist")["spec"][strategy] == stored


def test_a_new_job_says_that_no_operator_has_seen_it(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    assert user.status("mnist") == {"observedGeneration": -1}


def test_a_user_cannot_write_the_status_with_the_job(user: User) -> None:
    user.apply({**yaml.safe_load(SHORT_JOB), "status": {"phase": "Succeeded"}})
    assert user.status("mnist") == {"observedGeneration": -1}


def test_the_server_adds_the_status_that_a_condition_of_a_failure_policy_most_often_means(user: User) -> None:
    user.apply_job("mnist", image=IMAGE, **policy("Ignore", onPodConditions=[{"type": "DisruptionTarget"}]))
    (rule,) = user.job("mnist")["spec"]["failurePolicy"]["rules"]
    assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "phase": "Restarting",
    "attempt": 2,
    "restarts": 1,
    "disruptions": 1,
    "startTime": "2026-01-31T12:00:00Z",
    "attemptStartTime": "2026-01-31T12:30:00Z",
    "restartTime": "2026-01-31T12:29:00Z",
    "suspendedSeconds": 60,
    "failures": [
        {
            "pod": "mnist-worker-0",
            "uid": "11111111-2222-4333-8444-555555555555",
            "role": "worker",
            "index": 0,
            "attempt": 1,
            "reason": "EvictionByEvictionAPI",
            "class": "Disruption",
        }
    ],
    "restarting": {"mnist-worker-1": "11111111-2222-4333-8444-666666666666"},
}


def test_the_server_keeps_what_the_operator_must_remember(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    write_status(user, "mnist", **STATUS)
    assert user.status("mnist") == STATUS


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"phase": "Paused"}, "phase: Unsupported value"),
        ({"disruptions": -1}, "disruptions: Invalid value: -1"),
        ({"failures": [{**STATUS["failures"][0], "class": "BadLuck"}]}, "failures[0].class: Unsupported value"),
    ],
)
def test_a_status_that_nobody_could_read_is_refused(user: User, status: dict[str, Any], told: str) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    with pytest.raises(RefusedError) as caught:
        write_status(user, "mnist", **status)
    assert told in str(caught.value)


def explained(user: User, field: str, expected: str) -> str:
    """Return in one line what kubectl tells of a field of a spec, once that holds some word."""

    # The server publishes the schema a moment after it has accepted the definition.
    def explain() -> str:
        try:
            return user.kubectl("explain", f"tjob.spec.{field}")
        except RefusedError as error:
            return str(error)

    return " ".join(wait_until(explain, lambda said: expected in said, 30).split())


def test_kubectl_explain_tells_what_mpi_needs_and_which_implementations_there_are(shared_user: User) -> None:
    text = explained(shared_user, "mpi", "launcherRunsWorker")
    assert "FIELD: mpi <Object>" in text
    assert "the launcher starts the command on all nodes with mpirun, over ssh" in text
    assert "implementation <string> enum: OpenMPI, IntelMPI, MPICH The MPI of the image" in text
    assert "processesPerNode <integer> How many processes run on each node: gpusPerWorker when not given" in text


def test_kubectl_explain_tells_what_a_strategy_is_and_what_its_defaults_are(shared_user: User) -> None:
    text = explained(shared_user, "parameterServer", "servers")
    assert "FIELD: parameterServer <Object>" in text
    assert "TensorFlow 2's ParameterServerStrategy need chief: true" in text
    assert "workers <integer> How many workers compute gradients. Default: 1." in text
    assert "chief <boolean> Whether a chief leads the training; its end is then the job's end. Default: false." in text


def test_the_short_name_and_the_category_find_the_job(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    assert "mnist" in user.kubectl("get", "tjob")
    assert "mnist" in user.kubectl("get", "training")


def test_the_columns_tell_where_a_job_stands(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    times = {"startTime": "2026-01-31T12:00:00Z", "completionTime": "2026-01-31T13:00:00Z"}
    write_status(user, "mnist", phase="Running", reason="AllReady", ready="3/3", restarts=0, **times)
    header, row = user.kubectl("get", "tjob").splitlines()
    assert header.split() == ["NAME", "PHASE", "REASON", "READY", "RESTARTS", "AGE"]
    assert row.split()[:5] == ["mnist", "Running", "AllReady", "3/3", "0"]
    wide = user.kubectl("get", "tjob", "-o", "wide").splitlines()[0]
    assert wide.split()[6:] == ["QUEUE", "STARTED", "FINISHED", "ARTIFACTS"]


def test_the_last_column_tells_in_one_word_what_became_of_the_artifacts(user: User) -> None:
    user.kubectl("apply", "-f", "-", stdin=SHORT_JOB)
    claims = {"Finished": "JobFailed", "ArtifactsComplete": "SidecarLost"}
    changed = {"status": "False", "lastTransitionTime": "2026-01-31T12:00:00Z"}
    write_status(user, "mnist", conditions=[{"type": kind, "reason": why, **changed} for kind, why in claims.items()])
    assert user.kubectl("get", "tjob", "-o", "wide").splitlines()[1].split()[-1] == "SidecarLost"
