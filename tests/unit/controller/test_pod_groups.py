"""PodGroups: made once, deleted by uid, and in nobody's way where their scheduler is not installed."""

import logging
from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job_body
from tests.unit.controller.hands import OTHER_UID, Hands, child, create
from tests.unit.controller.stage import Stage
from trainingjob.api.job import read_job
from trainingjob.controller.kube import JOBS
from trainingjob.controller.kube_errors import NotFoundError, RefusedError, TransientError
from trainingjob.controller.pod_groups import pod_group_resource
from trainingjob.plan.gang import COSCHEDULING_API, VOLCANO_API
from trainingjob.reconcile import Create, DeletePodGroup, RefusalKind

NAME = "mnist-11111111-a0"
GROUPS = pod_group_resource(VOLCANO_API)
NO_SUCH_KIND = NotFoundError("the server could not find the requested resource", status=404, reason="NotFound")
NO_RIGHT = RefusedError('podgroups.scheduling.volcano.sh is forbidden: User "x" cannot create it', status=403)
QUOTA = RefusedError("forbidden: exceeded quota: groups, used: count/podgroups=2", status=403)
JOB: dict[str, Any] = {"multiWorker": {"workers": 2}, "gang": {"scheduler": "volcano"}}


@pytest.fixture
def hands() -> Hands:
    return Hands()


def group(api_version: str = VOLCANO_API) -> Create:
    """Ask for the PodGroup of the job's first attempt."""
    return Create("PodGroup", NAME, {"apiVersion": api_version, "kind": "PodGroup", **child(NAME)})


def put(hands: Hands, uid: str = JOB_UID) -> None:
    """Store a PodGroup of that name."""
    hands.kube.put(GROUPS, "team", {**child(NAME, uid), "kind": "PodGroup"})


async def test_group_is_created_before_the_pods_and_one_that_exists_is_taken_for_the_jobs_own(hands: Hands) -> None:
    for made in (["PodGroup", "Pod"], []):
        outcome = await hands.run(create("mnist-worker-0"), group())
        assert ([c.kind for c in outcome.created], outcome.refused, outcome.trouble) == (made, [], None)
    assert hands.kube.requests[:2] == [f"create podgroups/{NAME}", "create pods/mnist-worker-0"]


async def test_group_of_somebody_else_is_neither_used_nor_deleted(hands: Hands) -> None:
    put(hands, OTHER_UID)
    outcome = await hands.run(group(), create("mnist-worker-0"))
    assert [refusal.why for refusal in outcome.refused] == [RefusalKind.NAME_TAKEN]
    outcome = await hands.run(DeletePodGroup(VOLCANO_API, NAME))
    assert outcome.pod_groups_gone == {NAME}
    assert hands.kube.stored(GROUPS, "team", NAME) is not None
    assert hands.kube.writes("delete") == []


async def test_group_is_deleted_by_its_uid_and_one_that_is_gone_costs_no_write(hands: Hands) -> None:
    put(hands)
    for deletes in (1, 1):
        outcome = await hands.run(DeletePodGroup(VOLCANO_API, NAME))
        assert (outcome.pod_groups_gone, outcome.trouble) == ({NAME}, None)
        hands.kube.objects.clear()
        assert hands.kube.writes("delete") == [f"delete podgroups/{NAME}"] * deletes


@pytest.mark.parametrize(
    ("api_version", "error", "said"),
    [
        (VOLCANO_API, NO_SUCH_KIND, ["PodGroup's CRD is not installed", VOLCANO_API, "install Volcano"]),
        (COSCHEDULING_API, NO_SUCH_KIND, ["PodGroup's CRD is not installed", COSCHEDULING_API, "coscheduling plugin"]),
        (VOLCANO_API, NO_RIGHT, ["cannot create it", "gangSchedulers.volcano=true"]),
        (COSCHEDULING_API, NO_RIGHT, ["cannot create it", "gangSchedulers.coscheduling=true"]),
    ],
)
async def test_scheduler_that_is_not_there_is_named_and_no_pod_is_made(
    hands: Hands, api_version: str, error: Exception, said: list[str]
) -> None:
    hands.kube.before = lambda verb, name: error if (verb, name) == ("create", NAME) else None  # type: ignore[assignment,return-value]
    outcome = await hands.run(group(api_version), create("mnist-worker-0"))
    (refusal,) = outcome.refused
    assert (refusal.kind, refusal.why) == ("PodGroup", RefusalKind.GANG_SCHEDULER)
    assert [words for words in said if words not in refusal.message] == []
    assert hands.kube.writes("create pods") == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (QUOTA, RefusalKind.QUOTA),
        (RefusedError("spec.minMember: Invalid value", status=422), RefusalKind.INVALID),
        (NotFoundError('namespaces "team" not found', status=404), RefusalKind.INVALID),
    ],
)
async def test_other_refusals_of_a_group_keep_their_own_words(
    hands: Hands, error: RefusedError, why: RefusalKind
) -> None:
    hands.refuse("create", error, NAME)
    outcome = await hands.run(group())
    assert [(refusal.why, refusal.message) for refusal in outcome.refused] == [(why, str(error))]


async def test_group_that_may_not_be_deleted_holds_up_nothing(hands: Hands, caplog: pytest.LogCaptureFixture) -> None:
    put(hands)
    hands.refuse("get", NO_RIGHT, NAME)
    with caplog.at_level(logging.WARNING):
        outcome = await hands.run(DeletePodGroup(VOLCANO_API, NAME))
    assert (outcome.pod_groups_gone, outcome.trouble) == ({NAME}, None)
    assert "was not deleted" in caplog.text


async def test_delete_without_an_answer_is_tried_again(hands: Hands) -> None:
    put(hands)
    hands.refuse("delete", TransientError("no answer"), NAME)
    outcome = await hands.run(DeletePodGroup(VOLCANO_API, NAME))
    assert (outcome.pod_groups_gone, outcome.trouble is not None) == (set(), True)


async def test_group_of_a_job_is_deleted_once_and_is_not_asked_for_again() -> None:
    stage = Stage()
    stage.submit(uid=JOB_UID, **JOB)
    await stage.look()
    assert stage.kube.stored(GROUPS, "team", NAME) is not None
    stage.run("mnist-worker-0", "mnist-worker-1")
    await stage.look()
    stage.end("mnist-worker-0", 0)
    stage.end("mnist-worker-1", 0)
    await stage.look()
    assert stage.stored().status.finished
    for _ in range(3):
        await stage.look()
        stage.kube.objects.pop(GROUPS.path("team", NAME), None)
    about = [request for request in stage.kube.requests if f"podgroups/{NAME}" in request]
    assert about == [f"create podgroups/{NAME}", f"get podgroups/{NAME}", f"delete podgroups/{NAME}"]


async def test_job_goes_on_at_once_when_the_group_of_its_last_attempt_is_gone() -> None:
    stage = Stage()
    body = make_job_body(uid=JOB_UID, spec=JOB, status={"phase": "Restarting", "attempt": 1, "reason": "Error"})
    stage.jobs.observe(read_job(stage.kube.put(JOBS, "team", body)))
    await stage.look()
    assert f"get podgroups/{NAME}" in stage.kube.requests
    assert stage.kube.writes("create pod") == []
    assert stage.queue.depth == 1
    await stage.look()
    assert stage.kube.writes("create pod") == [
        f"create podgroups/{NAME[:-1]}1",
        "create pods/mnist-worker-0",
        "create pods/mnist-worker-1",
    ]


async def test_job_without_a_gang_asks_for_no_group() -> None:
    stage = Stage()
    stage.submit(uid=JOB_UID, multiWorker={"workers": 2}, suspend=False)
    await stage.look()
    await stage.look()
    assert not [request for request in stage.kube.requests if "podgroups" in request]
