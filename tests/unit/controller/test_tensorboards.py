"""TensorBoards: made after the pods, deleted by uid, and in nobody's way when somebody else has their name."""

import logging
from typing import Any

import pytest

from tests.support.builders import JOB_UID
from tests.unit.controller.hands import OTHER_UID, Hands, child, create
from tests.unit.controller.stage import Stage
from trainingjob.api.job import read_job
from trainingjob.controller.kube import DEPLOYMENTS, JOBS, SERVICES
from trainingjob.controller.kube_errors import ConflictError, KubeError, RefusedError, TransientError
from trainingjob.reconcile import Create, DeleteTensorBoard, RefusalKind

NAME = "mnist-tensorboard"
KINDS = {"Deployment": DEPLOYMENTS, "Service": SERVICES}
NO_RIGHT = RefusedError('deployments.apps is forbidden: User "x" cannot create it', status=403)
JOB: dict[str, Any] = {"outputs": {"uri": "s3://bucket/runs"}, "workingDir": "/app", "tensorboard": {"ttlSeconds": 0}}


@pytest.fixture
def hands() -> Hands:
    return Hands()


def board() -> tuple[Create, ...]:
    """Ask for a TensorBoard."""
    return tuple(Create(kind, NAME, {"kind": kind, **child(NAME)}, apart=True) for kind in KINDS)


def put(hands: Hands, *kinds: str, uid: str = JOB_UID) -> None:
    """Store objects of that name."""
    for kind in kinds:
        hands.kube.put(KINDS[kind], "team", {**child(NAME, uid), "kind": kind})


async def test_it_is_created_after_the_pods_and_its_service_comes_last(hands: Hands) -> None:
    outcome = await hands.run(*board(), create("mnist-worker-0"))
    assert hands.kube.requests == [
        "create pods/mnist-worker-0",
        f"create deployments/{NAME}",
        f"create services/{NAME}",
    ]
    assert (outcome.refused, outcome.trouble) == ([], None)
    assert [service.name for service in hands.services] == [NAME]


async def test_what_stands_already_is_taken_for_the_jobs_own(hands: Hands) -> None:
    put(hands, *KINDS)
    outcome = await hands.run(*board())
    assert (outcome.created, outcome.refused, outcome.trouble) == ([], [], None)


async def test_refusal_stops_the_service_and_no_pod(hands: Hands) -> None:
    hands.refuse("create", NO_RIGHT, NAME)
    outcome = await hands.run(*board(), create("mnist-worker-0"))
    assert [(refusal.kind, refusal.why) for refusal in outcome.refused] == [("Deployment", RefusalKind.ADMISSION)]
    assert [made.kind for made in outcome.created] == ["Pod"]
    assert f"create services/{NAME}" not in hands.kube.requests


@pytest.mark.parametrize("taken", list(KINDS))
async def test_name_of_somebody_else_is_refused_and_neither_adopted_nor_deleted(hands: Hands, taken: str) -> None:
    put(hands, taken, uid=OTHER_UID)
    outcome = await hands.run(*board())
    assert [(refusal.kind, refusal.why) for refusal in outcome.refused] == [(taken, RefusalKind.NAME_TAKEN)]
    outcome = await hands.run(DeleteTensorBoard(NAME))
    assert outcome.tensorboard_gone
    assert hands.kube.stored(KINDS[taken], "team", NAME) is not None


async def test_it_is_deleted_by_its_uids_the_service_first(hands: Hands) -> None:
    await hands.run(*board())
    outcome = await hands.run(DeleteTensorBoard(NAME))
    assert (outcome.tensorboard_gone, outcome.trouble) == (True, None)
    assert hands.kube.writes("delete") == [f"delete services/{NAME}", f"delete deployments/{NAME}"]
    assert list(hands.services) == []


async def test_what_is_gone_already_costs_no_write(hands: Hands) -> None:
    outcome = await hands.run(DeleteTensorBoard(NAME))
    assert (outcome.tensorboard_gone, hands.kube.writes()) == (True, [])


@pytest.mark.parametrize(
    "error", [TransientError("no answer"), ConflictError("it was changed", status=409), RefusedError("no", status=403)]
)
async def test_delete_of_which_nobody_knows_what_became_is_tried_again(hands: Hands, error: KubeError) -> None:
    put(hands, *KINDS)
    hands.refuse("delete", error, NAME)
    outcome = await hands.run(DeleteTensorBoard(NAME))
    assert (outcome.tensorboard_gone, outcome.trouble is not None) == (False, True)


async def test_missing_right_to_look_for_it_holds_up_nothing(hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    put(hands, *KINDS)
    hands.refuse("get", NO_RIGHT, NAME)
    with caplog.at_level(logging.WARNING):
        outcome = await hands.run(DeleteTensorBoard(NAME))
    assert (outcome.tensorboard_gone, outcome.trouble) == (True, None)
    assert "was not looked for" in caplog.text


async def test_over_a_jobs_life_it_is_made_once_and_deleted_once_and_then_not_asked_for_again() -> None:
    stage = Stage(first_status=(3600, 3600))
    stage.submit(uid=JOB_UID, **JOB)
    await stage.look()
    assert stage.stored().status.tensorboard is not None
    assert stage.kube.stored(DEPLOYMENTS, "team", NAME) is None
    assert stage.queue.depth == 1
    for _ in range(2):
        await stage.look()
    assert stage.kube.stored(DEPLOYMENTS, "team", NAME) is not None
    stage.run("mnist-worker-0")
    await stage.look()
    body = stage.job_body()
    body["spec"]["cancel"] = True
    stage.jobs.observe(read_job(stage.kube.put(JOBS, "team", body)))
    for _ in range(4):
        await stage.look()
    assert (stage.stored().status.finished, stage.stored().status.tensorboard) == (True, None)
    about = [request for request in stage.kube.requests if NAME in request]
    assert about == [
        f"create deployments/{NAME}",
        f"create services/{NAME}",
        f"get services/{NAME}",
        f"delete services/{NAME}",
        f"get deployments/{NAME}",
        f"delete deployments/{NAME}",
    ]
