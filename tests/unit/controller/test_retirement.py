"""A finished job whose time is over: it is deleted itself, once, and only if it is still the same."""

from datetime import timedelta

import pytest

from tests.unit.controller.hands import JOB, OTHER_UID, Hands
from tests.unit.controller.stage import KEY, Stage
from trainingjob.api.job import read_job
from trainingjob.controller.kube import JOBS, Object
from trainingjob.controller.kube_errors import KubeError, NotFoundError, RefusedError, TransientError
from trainingjob.reconcile import DeleteJob

TTL = 60
LATER = timedelta(seconds=TTL + 10)
DELETE = "delete trainingjobs/mnist"


@pytest.fixture
def hands() -> Hands:
    hands = Hands()
    hands.kube.put(JOBS, "team", {"metadata": {"name": "mnist", "uid": JOB.uid}})
    return hands


def stored(hands: Hands) -> Object:
    """Return the stored job's metadata."""
    body = hands.kube.stored(JOBS, *JOB.key)
    assert body is not None
    metadata: Object = body["metadata"]
    return metadata


async def test_job_that_is_still_the_same_is_deleted(hands: Hands) -> None:
    outcome = await hands.run(DeleteJob(JOB.uid, stored(hands)["resourceVersion"]))
    assert (outcome.retired, outcome.stale, outcome.trouble) == (True, False, None)
    assert hands.kube.objects == {}


async def test_job_that_is_gone_already_is_a_success(hands: Hands) -> None:
    hands.kube.objects.clear()
    outcome = await hands.run(DeleteJob(JOB.uid, "1"))
    assert (outcome.retired, outcome.stale, outcome.trouble) == (True, False, None)


@pytest.mark.parametrize("changed", ["uid", "version"])
async def test_job_that_has_become_another_is_left_alone(hands: Hands, changed: str) -> None:
    before = stored(hands)
    uid = OTHER_UID if changed == "uid" else JOB.uid
    version = before["resourceVersion"] if changed == "uid" else "1"
    outcome = await hands.run(DeleteJob(uid, version))
    assert (outcome.retired, outcome.stale) == (False, True)
    assert outcome.trouble is not None
    assert stored(hands) == before


@pytest.mark.parametrize("error", [TransientError("503", status=503), RefusedError("no such right", status=403)])
async def test_delete_that_was_not_carried_out_is_tried_again(hands: Hands, error: KubeError) -> None:
    hands.refuse("delete", error)
    outcome = await hands.run(DeleteJob(JOB.uid, stored(hands)["resourceVersion"]))
    assert (outcome.retired, outcome.stale) == (False, False)
    assert outcome.trouble is not None
    assert outcome.trouble.status == error.status


async def finished() -> Stage:
    """Return a stage whose job has ended, with one pod that is kept."""
    stage = Stage()
    stage.submit(ttlSecondsAfterFinished=TTL)
    await stage.look()
    stage.run("mnist-worker-0")
    await stage.look()
    stage.end("mnist-worker-0", 0)
    await stage.look()
    await stage.look()
    assert stage.kube.writes("delete") == []
    return stage


async def test_finished_job_is_deleted_when_its_time_is_over_and_not_acted_on_again() -> None:
    stage = await finished()
    stage.now += LATER
    await stage.look()
    assert stage.kube.stored(JOBS, *KEY) is None
    assert stage.jobs.get(*KEY) is None
    before = stage.kube.writes()
    assert before[-1] == DELETE
    # The garbage collector takes its pods away, of which the watch tells.
    for pod in stage.pods.of(KEY):
        stage.pods.remove(pod)
    await stage.look()
    assert stage.kube.writes() == before


async def test_lost_answer_to_the_delete_of_a_job_ends_in_its_deletion() -> None:
    stage = await finished()
    stage.now += LATER
    lost = iter([TransientError("reset")])
    stage.kube.after = lambda verb, _: next(lost, None) if verb == "delete" else None
    with pytest.raises(TransientError):
        await stage.look()
    await stage.look()
    assert stage.jobs.get(*KEY) is None
    assert stage.kube.writes("delete") == [DELETE, DELETE]


async def test_job_that_is_gone_already_is_dropped_without_a_status_write() -> None:
    stage = await finished()
    stage.now += LATER
    before = stage.kube.writes("patch")
    stage.kube.before = lambda verb, _: NotFoundError("not found", status=404) if verb == "delete" else None
    await stage.look()
    assert stage.jobs.get(*KEY) is None
    assert stage.kube.writes("patch") == before


async def test_job_whose_time_was_made_longer_meanwhile_is_read_anew_and_kept() -> None:
    stage = await finished()
    stage.now += LATER
    body = stage.job_body()
    stage.kube.put(JOBS, "team", {**body, "spec": {**body["spec"], "ttlSecondsAfterFinished": 10 * TTL}})
    with pytest.raises(TransientError):
        await stage.look()
    await stage.look()
    assert stage.kube.writes("delete") == [DELETE]
    assert stage.kube.stored(JOBS, *KEY) is not None


async def test_job_that_was_made_anew_under_its_name_is_kept_and_served() -> None:
    stage = await finished()
    stage.now += LATER
    anew = {"metadata": {"name": "mnist", "uid": OTHER_UID}, "spec": {"image": "x", "ttlSecondsAfterFinished": TTL}}
    stage.kube.put(JOBS, "team", anew)
    with pytest.raises(TransientError):
        await stage.look()
    known = stage.jobs.get(*KEY)
    assert known is not None
    assert known.uid == OTHER_UID
    await stage.look()
    assert stage.kube.writes("delete") == [DELETE]


async def test_job_that_a_finalizer_keeps_is_deleted_once() -> None:
    stage = await finished()
    body = stage.job_body()
    body["metadata"]["finalizers"] = ["example.com/archive"]
    stage.jobs.observe(read_job(stage.kube.put(JOBS, "team", body)))
    stage.now += LATER
    await stage.look()
    stage.jobs.observe(stage.stored())
    known = stage.jobs.get(*KEY)
    assert known is not None
    assert known.deleting
    before = stage.kube.requests.copy()
    await stage.look()
    assert stage.kube.requests == before
