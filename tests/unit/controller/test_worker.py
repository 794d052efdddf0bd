"""One pass over one job, against an API server in memory and the real decisions."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.builders import CREATED, make_job_body
from tests.unit.controller.fakes import FakeKube
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.api.status import Phase
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.executor import Executor
from trainingjob.controller.kube import JOBS, PODS, SERVICES, Object
from trainingjob.controller.kube_errors import RefusedError, TransientError
from trainingjob.controller.observe import read_pod
from trainingjob.controller.queue import KeyedQueue
from trainingjob.controller.worker import Worker, World
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Event, ObservedPod, ObservedService

KEY = ("team", "mnist")
QUOTA = RefusedError("forbidden: exceeded quota: two, used: pods=2, limited: pods=2", status=403)


class Stage:
    """A worker with everything around it; the clock stands still until it is moved."""

    def __init__(self, status_interval: float = 3600, first_status: tuple[float, float] = (0, 0)) -> None:
        self.now = CREATED
        self.kube = FakeKube()
        self.queue: KeyedQueue[Key] = KeyedQueue(first=3600, most=7200)
        self.jobs: ObjectCache[TrainingJob] = ObjectCache(self.queue.add, lambda job: job.name)
        self.pods: ObjectCache[ObservedPod] = ObjectCache(self.queue.add, lambda pod: pod.job)
        self.services: ObjectCache[ObservedService] = ObjectCache(self.queue.add, lambda service: service.job)
        self.told: list[Event] = []
        self.creation: list[float] = []
        self.start: list[float] = []
        self.worker = Worker(
            World(
                client=self.kube,
                queue=self.queue,
                jobs=self.jobs,
                pods=self.pods,
                services=self.services,
                executor=Executor(self.kube, self.pods, self.services, 4),
                options=PlanOptions(),
                status_interval=status_interval,
                first_status_seconds=first_status,
                record=lambda _, event: self.told.append(event),
                all_created=self.creation.append,
                started=self.start.append,
                clock=self.clock,
            )
        )

    def clock(self) -> datetime:
        return self.now

    def submit(self, uid: str = "job-uid", **spec: Any) -> None:
        spec = spec or {"parameterServer": {"workers": 2, "servers": 1}}
        self.jobs.observe(read_job(self.kube.put(JOBS, "team", make_job_body(uid=uid, spec=spec))))

    def stored(self) -> TrainingJob:
        return read_job(self.job_body())

    def job_body(self) -> Object:
        body = self.kube.stored(JOBS, *KEY)
        assert body is not None
        return body

    def pod(self, name: str) -> Object:
        body = self.kube.stored(PODS, "team", name)
        assert body is not None
        return body

    def play(self, name: str, **state: Any) -> None:
        """Let a pod's container run or end, and let the watch tell of it."""
        body = self.pod(name)
        ready = "running" in state
        body["status"] = {
            "phase": "Running" if ready else "Succeeded",
            "containerStatuses": [{"name": "main", "ready": ready, "state": state}],
        }
        self.pods.observe(read_pod(self.kube.put(PODS, "team", body)))

    def run(self, *names: str) -> None:
        for name in names:
            self.play(name, running={"startedAt": "2026-01-31T12:00:05Z"})

    def end(self, name: str, code: int) -> None:
        self.play(
            name,
            terminated={
                "exitCode": code,
                "reason": "Error" if code else "Completed",
                "startedAt": "2026-01-31T12:00:05Z",
                "finishedAt": "2026-01-31T12:01:00Z",
            },
        )

    async def look(self) -> None:
        self.queue.add(KEY)
        key = await self.queue.take()
        try:
            await self.worker.look(key)
        finally:
            self.queue.done(key)


PODS_OF_THE_JOB = ("mnist-worker-0", "mnist-worker-1", "mnist-ps-0")


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


async def test_second_look_without_news_writes_nothing() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    before = stage.kube.writes()
    await stage.look()
    assert stage.kube.writes() == before


async def test_whole_life_of_a_job_costs_its_creates_deletes_and_few_status_writes() -> None:
    stage = Stage(status_interval=0)
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert len(stage.start) == 1
    stage.end("mnist-worker-1", 0)
    stage.end("mnist-worker-0", 0)
    await stage.look()
    assert stage.stored().status.phase is Phase.SUCCEEDED
    await stage.look()
    assert stage.kube.writes("delete") == ["delete pods/mnist-ps-0"]
    await stage.look()
    assert len(stage.kube.writes("patch")) <= 4
    assert len(stage.kube.writes("create")) == 4


async def test_clean_up_begins_only_after_the_end_is_stored() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    stage.end("mnist-worker-0", 0)
    await stage.look()
    assert stage.kube.writes()[-1] == "patch trainingjobs/mnist"
    assert stage.queue.depth == 1, "the job comes again by itself"
    await stage.look()
    assert {write.split()[0] for write in stage.kube.writes()[-2:]} == {"delete"}


async def test_counts_alone_wait_for_more_of_them() -> None:
    stage = Stage(status_interval=3600)
    stage.submit()
    await stage.look()
    stage.run("mnist-worker-0")
    await stage.look()
    assert len(stage.kube.writes("patch")) == 1
    stage.run("mnist-worker-1", "mnist-ps-0")
    await stage.look()
    assert len(stage.kube.writes("patch")) == 2, "a change of phase does not wait"


async def test_last_word_on_a_finished_job_does_not_wait() -> None:
    stage = Stage(status_interval=3600)
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    stage.end("mnist-worker-1", 0)
    stage.end("mnist-worker-0", 0)
    await stage.look()
    await stage.look()
    server = stage.pods.get("team", "mnist-ps-0")
    assert server is not None
    writes = len(stage.kube.writes("patch"))
    stage.pods.remove(server)
    await stage.look()
    assert len(stage.kube.writes("patch")) == writes + 1
    replicas = stage.stored().status.replicas or {}
    assert replicas["ps"].active == 0


async def test_first_word_that_only_says_that_pods_were_created_waits_for_the_next() -> None:
    stage = Stage(first_status=(3600, 3600))
    stage.submit()
    await stage.look()
    assert stage.kube.writes("patch") == []
    assert stage.queue.waiting == 1, "it is written later if nothing happens"
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert len(stage.kube.writes("patch")) == 1


async def test_first_word_waits_longer_while_other_jobs_wait_for_their_pods() -> None:
    stage = Stage(first_status=(1e-9, 3600))
    stage.submit()
    stage.queue.add(("team", "another"))
    await stage.worker.look(KEY)
    await stage.worker.look(KEY)
    assert stage.kube.writes("patch") == []


async def test_first_word_that_names_a_trouble_does_not_wait() -> None:
    stage = Stage(first_status=(3600, 3600))
    stage.submit()
    stage.kube.before = lambda verb, name: QUOTA if (verb, name) == ("create", "mnist-ps-0") else None
    await stage.look()
    assert stage.stored().status.reason == "QuotaExceeded"


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


async def test_status_decided_from_an_old_version_is_not_written_and_the_job_is_read_anew() -> None:
    stage = Stage()
    stage.submit()
    newer = stage.kube.put(JOBS, "team", {**stage.job_body(), "spec": {"image": "x", "cleanPodPolicy": "All"}})
    with pytest.raises(TransientError):
        await stage.look()
    known = stage.jobs.get(*KEY)
    assert known is not None
    assert known.resource_version == newer["metadata"]["resourceVersion"]
    assert stage.stored().status.phase is None


async def test_lost_answer_to_a_status_write_ends_in_the_same_status() -> None:
    stage = Stage()
    stage.submit()
    lost = iter([TransientError("reset")])
    stage.kube.after = lambda verb, _: next(lost, None) if verb == "patch" else None
    for _ in range(2):
        with pytest.raises(TransientError):
            await stage.look()
    await stage.look()
    assert stage.stored().status.phase is Phase.PENDING
    assert len(stage.kube.writes("create")) == 4


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
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
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


async def test_invalid_stored_form_is_said_and_creates_nothing() -> None:
    stage = Stage()
    stage.submit(parameterServer={"workers": -3})
    await stage.look()
    status = stage.stored().status
    assert stage.kube.writes() == ["patch trainingjobs/mnist"]
    assert any(c.type == "Stalled" and c.status == "True" for c in status.conditions or [])


async def test_decision_that_wants_a_later_look_gets_it() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    assert stage.queue.waiting == 1


async def test_service_of_somebody_else_is_left_alone_and_reported() -> None:
    stage = Stage()
    stage.submit()
    foreign = stage.kube.put(SERVICES, "team", {"metadata": {"name": "mnist"}, "spec": {"ports": []}})
    await stage.look()
    assert stage.stored().status.reason == "NameTaken"
    assert stage.kube.stored(SERVICES, *KEY) == foreign
    assert stage.kube.writes("create pods") == []


async def test_time_moves_only_through_the_given_clock() -> None:
    stage = Stage()
    stage.submit()
    stage.now = CREATED + timedelta(days=1)
    await stage.look()
    assert stage.creation == [86400.0]
