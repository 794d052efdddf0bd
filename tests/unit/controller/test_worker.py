"""One pass over one job: what is created, refused, lost and found again."""

from typing import Any

import pytest

from tests.unit.controller.stage import KEY, PODS_OF_THE_JOB, QUOTA, Stage
from trainingjob.api.constants import MANAGED_BY
from trainingjob.api.job import read_job
from trainingjob.api.status import Phase
from trainingjob.controller.kube import JOBS, PODS, SERVICES
from trainingjob.controller.kube_errors import TransientError


async def test_large_job_comes_again_at_once_until_all_its_pods_are_there() -> None:
    stage = Stage()
    stage.submit(multiWorker={"workers": 600})
    await stage.look()
    assert stage.queue.depth == 1
    assert stage.creation == []
    await stage.look()
    assert len(stage.pods.of(KEY)) == 600
    assert stage.queue.depth == 0
    assert len(stage.creation) == 1


async def test_new_job_gets_its_children_and_one_status_write() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    assert sorted(stage.kube.writes()) == sorted(
        ["create services/mnist", *(f"create pods/{name}" for name in PODS_OF_THE_JOB), "patch trainingjobs/mnist"]
    )
    assert stage.stored().status.phase is Phase.PENDING
    assert [event.message for event in stage.told] == ["Created 1 Service, 3 Pods."]
    assert len(stage.creation) == 1


async def test_refusal_is_told_and_tried_again_with_growing_patience() -> None:
    stage = Stage()
    stage.submit()
    stage.kube.before = lambda verb, name: QUOTA if (verb, name) == ("create", "mnist-ps-0") else None
    await stage.look()
    status = stage.stored().status
    assert (status.phase, status.reason) == (Phase.PENDING, "QuotaExceeded")
    assert "exceeded quota: two" in (status.message or "")
    assert stage.queue.waiting == 1
    assert stage.creation == []


async def test_refusal_is_forgotten_once_the_create_succeeds() -> None:
    stage = Stage()
    stage.submit()
    stage.kube.before = lambda verb, name: QUOTA if (verb, name) == ("create", "mnist-ps-0") else None
    await stage.look()
    stage.kube.before = lambda _verb, _name: None
    await stage.look()
    assert stage.stored().status.reason == "Starting"
    assert len(stage.creation) == 1


async def test_error_that_may_pass_is_raised_after_what_was_done_is_known() -> None:
    stage = Stage()
    stage.submit()
    outage = TransientError("503", status=503)
    stage.kube.before = lambda verb, name: outage if (verb, name) == ("create", "mnist-ps-0") else None
    with pytest.raises(TransientError):
        await stage.look()
    assert [event.message for event in stage.told] == ["Created 1 Service, 2 Pods."]
    stage.kube.before = lambda _verb, _name: None
    await stage.look()
    assert sorted(pod.name for pod in stage.pods.of(KEY)) == sorted(PODS_OF_THE_JOB)


async def test_job_that_is_gone_is_dropped_and_nothing_more_is_created() -> None:
    stage = Stage()
    stage.submit()
    stage.kube.objects.clear()
    await stage.look()
    assert stage.jobs.get(*KEY) is None
    before = stage.kube.writes()
    await stage.look()
    assert stage.kube.writes() == before


async def test_recreated_job_inherits_no_refusal() -> None:
    stage = Stage()
    stage.submit()
    stage.kube.before = lambda verb, name: QUOTA if (verb, name) == ("create", "mnist-ps-0") else None
    await stage.look()
    stage.kube.before = lambda _verb, _name: None
    stage.kube.objects.clear()
    for pod in stage.pods.of(KEY):
        stage.pods.remove(pod)
    for service in stage.services.of(KEY):
        stage.services.remove(service)
    stage.submit(uid="second-uid")
    await stage.look()
    assert stage.stored().status.reason == "Starting"


async def test_pod_of_a_started_job_that_the_cache_misses_is_read_before_it_counts_as_lost() -> None:
    stage = Stage()
    stage.submit(multiWorker={"workers": 2}, maxDisruptions=0)
    await stage.look()
    stage.run("mnist-worker-0", "mnist-worker-1")
    await stage.look()
    hidden = stage.pods.get("team", "mnist-worker-1")
    assert hidden is not None
    stage.pods.remove(hidden)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert stage.queue.waiting == 1, "it is looked at again, for no event will tell of a hidden pod"
    del stage.kube.objects[PODS.path("team", "mnist-worker-1")]
    await stage.look()
    assert stage.stored().status.phase is Phase.FAILED


@pytest.mark.parametrize("spec", [{"multiWorker": {"workers": 2}}, {"multiWorker": {"workers": -3}}], ids=str)
async def test_job_of_another_controller_causes_no_request_however_it_looks(spec: dict[str, Any]) -> None:
    stage = Stage()
    stage.submit(**spec, managedBy="kueue.x-k8s.io/multikueue")
    await stage.look()
    assert stage.kube.requests == []
    assert stage.told == []
    assert (stage.queue.waiting, stage.queue.depth) == (0, 0)


async def test_job_that_names_this_controller_is_served() -> None:
    stage = Stage()
    stage.submit(managedBy=MANAGED_BY)
    await stage.look()
    assert stage.kube.writes("create pods") == ["create pods/mnist-worker-0"]


async def test_pods_of_later_attempts_do_not_count_as_the_time_to_the_first() -> None:
    stage = Stage()
    stage.submit(multiWorker={"workers": 2})
    restarting = {"attempt": 1, "startTime": "2026-01-31T12:00:10Z", "phase": "Restarting"}
    stage.jobs.observe(read_job(stage.kube.put(JOBS, "team", {**stage.job_body(), "status": restarting})))
    await stage.look()
    assert len(stage.kube.writes("create pods")) == 2
    assert stage.creation == []


async def test_service_of_somebody_else_is_left_alone_and_reported() -> None:
    stage = Stage()
    stage.submit()
    foreign = stage.kube.put(SERVICES, "team", {"metadata": {"name": "mnist"}, "spec": {"ports": []}})
    await stage.look()
    assert stage.stored().status.reason == "NameTaken"
    assert stage.kube.stored(SERVICES, *KEY) == foreign
    assert stage.kube.writes("create pods") == []
