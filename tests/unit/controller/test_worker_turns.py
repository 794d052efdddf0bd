"""What follows from a word on a job that was just stored: it is done at once, and not before."""

from typing import Any

import pytest

from tests.unit.controller.stage import PODS_OF_THE_JOB, Stage
from trainingjob.api.job import read_job
from trainingjob.api.status import Phase
from trainingjob.controller.kube import JOBS, PODS

GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
SERVERS: dict[str, Any] = {"parameterServer": {"workers": 2, "servers": 1}}
MEMBERS = ("mnist-worker-0", "mnist-worker-1")


async def running(spec: dict[str, Any], *pods: str) -> Stage:
    """Return a stage whose job runs."""
    stage = Stage(status_interval=0)
    stage.submit(**spec)
    await stage.look()
    stage.run(*pods)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    return stage


async def at_rest(spec: dict[str, Any], *pods: str) -> Stage:
    """Return a stage whose job runs, and of which nothing more is to be decided."""
    stage = await running(spec, *pods)
    await look_on(stage)
    return stage


def change(stage: Stage, **spec: Any) -> None:
    """Change the spec as a user does, and let the watch tell of it."""
    body = stage.job_body()
    changed = {**body, "spec": {**body["spec"], **spec}}
    stage.jobs.observe(read_job(stage.kube.put(JOBS, "team", changed)))


def vanish(stage: Stage) -> None:
    """Let the pods that are being deleted end, and the watch tell of it."""
    for pod in list(stage.pods):
        if pod.deleting:
            del stage.kube.objects[PODS.path("team", pod.name)]
            stage.pods.remove(pod)


async def look_on(stage: Stage) -> None:
    """Take the look that the worker itself has asked for."""
    assert stage.queue.depth == 1, "the job comes again by itself"
    await stage.look()


async def test_start_is_stored_first_and_the_deadline_that_begins_with_it_is_kept() -> None:
    stage = await running({**GROUP, "activeDeadlineSeconds": 3600}, *MEMBERS)
    assert stage.queue.waiting == 0
    await look_on(stage)
    assert stage.queue.waiting == 1, "it is looked at again when its time is over"


@pytest.mark.parametrize("ends", [MEMBERS, MEMBERS[:1]], ids=["all", "the first"])
async def test_restart_is_stored_first_and_the_old_pods_are_deleted_at_once_afterwards(ends: tuple[str, ...]) -> None:
    stage = await at_rest(GROUP, *MEMBERS)
    for name in ends:
        stage.end(name, 7)
    await stage.look()
    assert stage.kube.writes()[-1] == "patch trainingjobs/mnist"
    assert (stage.stored().status.phase, stage.stored().status.attempt) == (Phase.RESTARTING, 1)
    await look_on(stage)
    assert sorted(stage.kube.writes("delete")) == [f"delete pods/{name}" for name in MEMBERS]


async def test_restart_of_one_replica_is_stored_first_and_its_pod_is_deleted_at_once_afterwards() -> None:
    stage = await at_rest(SERVERS, *PODS_OF_THE_JOB)
    stage.end("mnist-worker-1", 7)
    await stage.look()
    assert stage.stored().status.reason == "ReplicaRestarting"
    assert stage.kube.writes("delete") == []
    await look_on(stage)
    assert stage.kube.writes("delete") == ["delete pods/mnist-worker-1"]


async def test_suspension_is_stored_first_and_the_pods_are_deleted_at_once_afterwards() -> None:
    stage = await at_rest(GROUP, *MEMBERS)
    change(stage, suspend=True)
    await stage.look()
    assert stage.stored().status.phase is Phase.SUSPENDED
    assert stage.kube.writes("delete") == []
    await look_on(stage)
    assert sorted(stage.kube.writes("delete")) == [f"delete pods/{name}" for name in MEMBERS]


async def test_resumption_is_stored_first_and_the_pods_are_created_at_once_afterwards() -> None:
    stage = await at_rest(GROUP, *MEMBERS)
    change(stage, suspend=True)
    await stage.look()
    await look_on(stage)
    vanish(stage)
    await look_on(stage)
    created = len(stage.kube.writes("create"))
    change(stage, suspend=False)
    await look_on(stage)
    assert stage.stored().status.phase is Phase.PENDING
    assert len(stage.kube.writes("create")) == created
    await look_on(stage)
    assert stage.kube.writes("create")[created:] == [f"create pods/{name}" for name in MEMBERS]


async def test_cancellation_is_stored_first_and_the_pods_are_deleted_at_once_afterwards() -> None:
    stage = await at_rest(GROUP, *MEMBERS)
    change(stage, cancel=True)
    await stage.look()
    assert stage.stored().status.phase is Phase.CANCELLED
    assert stage.kube.writes("delete") == []
    await look_on(stage)
    assert sorted(stage.kube.writes("delete")) == [f"delete pods/{name}" for name in MEMBERS]
