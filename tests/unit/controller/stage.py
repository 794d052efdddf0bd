"""A worker with everything around it: an API server in memory, and the real decisions."""

from datetime import datetime
from typing import Any

from tests.support.builders import CREATED, make_job_body
from tests.unit.controller.fakes import FakeKube
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.executor import Executor
from trainingjob.controller.kube import JOBS, PODS, Object
from trainingjob.controller.kube_errors import RefusedError
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
