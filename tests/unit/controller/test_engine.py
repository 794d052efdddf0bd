"""The working part as a whole: start, many jobs, one that is poisoned, stop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.builders import CREATED, make_job_body
from tests.unit.controller.fakes import FakeKube
from trainingjob.api.job import TrainingJob, read_job
from trainingjob.controller import core as core_module
from trainingjob.controller import engine as engine_module
from trainingjob.controller.engine import Engine
from trainingjob.controller.events import Recorder
from trainingjob.controller.kube import JOBS, PODS, Object
from trainingjob.controller.kube_errors import KubeError, NotFoundError, RefusedError, TransientError
from trainingjob.controller.metrics import Metrics
from trainingjob.controller.settings import Settings
from trainingjob.reconcile import Decision, reconcile

DEADLINE = 20.0


class Running:
    """An engine on an API server in memory."""

    def __init__(self, kube: FakeKube, **settings: Any) -> None:
        self.kube = kube
        self.metrics = Metrics()
        self.failures = 0
        recorder = Recorder(kube, "test", lambda: CREATED, self.metrics.event_dropped)
        chosen = Settings(namespace=("team",), shutdown_seconds=0.2, **settings)
        self.engine = Engine(chosen, kube, recorder, self.metrics, self._fail)

    def _fail(self) -> None:
        self.failures += 1

    def hear(self, name: str, **spec: Any) -> Object:
        body = self.kube.put(JOBS, "team", make_job_body(name, uid=f"uid-{name}", spec=spec))
        self.engine.hear("ADDED", body)
        return body

    def passes(self, result: str) -> float:
        value = self.metrics.registry.get_sample_value("trainingjob_reconcile_seconds_count", {"result": result})
        return value or 0.0

    def pod(self, name: str) -> Object | None:
        return self.kube.stored(PODS, "team", name)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(kube: FakeKube | None = None, **settings: Any) -> AsyncIterator[Running]:
    found = Running(kube or FakeKube(), **settings)
    await asyncio.wait_for(found.engine.start(), DEADLINE)
    try:
        yield found
    finally:
        await found.engine.stop()


async def test_job_that_is_heard_of_gets_its_pods() -> None:
    async with running() as at:
        at.hear("mnist")
        await until(lambda: at.pod("mnist-worker-0") is not None)


async def test_job_that_was_there_before_the_start_gets_its_pods() -> None:
    kube = FakeKube()
    kube.put(JOBS, "team", make_job_body())
    async with running(kube) as at:
        await until(lambda: at.pod("mnist-worker-0") is not None)


async def test_poisoned_job_is_counted_and_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def poisoned(job: TrainingJob, *rest: Any) -> Decision:
        if job.name == "poison":
            raise ZeroDivisionError("a defect")
        return reconcile(job, *rest)

    monkeypatch.setattr("trainingjob.controller.worker.reconcile", poisoned)
    async with running(workers=1) as at:
        at.hear("poison")
        await until(lambda: at.passes("failed") == 1)
        at.hear("sound")
        await until(lambda: at.pod("sound-worker-0") is not None)
        assert at.failures == 0
        assert at.engine.healthy() == (True, "ok")
    assert "ZeroDivisionError: a defect" in caplog.text


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (TransientError("503", status=503), "retried"),
        (TransientError("no answer"), "retried"),
        (RefusedError("forbidden", status=403), "refused"),
    ],
)
async def test_status_that_cannot_be_written_is_tried_again(error: KubeError, result: str) -> None:
    kube = FakeKube()
    async with running(kube) as at:
        kube.before = lambda verb, _: error if verb == "patch" else None
        at.hear("mnist", parameterServer={}, multiWorker={})
        await until(lambda: at.passes(result) >= 1)
        kube.before = lambda _verb, _name: None
        await until(lambda: bool((kube.stored(JOBS, "team", "mnist") or {})["status"].get("phase")))


async def test_nothing_is_decided_before_every_cache_is_full() -> None:
    kube = FakeKube()
    kube.put(JOBS, "team", make_job_body())
    kube.before = lambda verb, name: TransientError("away") if (verb, name) == ("list", "services") else None
    at = Running(kube)
    starting = asyncio.create_task(at.engine.start())
    await until(lambda: kube.requests.count("list services/services") >= 2)
    assert at.engine.ready() == (False, "listing services in team")
    assert kube.writes() == []
    kube.before = lambda _verb, _name: None
    await asyncio.wait_for(starting, DEADLINE)
    assert at.engine.ready() == (True, "working")
    await at.engine.stop()


async def test_missing_definition_is_waited_for_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_FIRST_LIST_PAUSE", 0.001)
    kube = FakeKube()
    missing = NotFoundError("the server could not find the requested resource", status=404)
    kube.before = lambda verb, name: missing if (verb, name) == ("list", "trainingjobs") else None
    at = Running(kube)
    starting = asyncio.create_task(at.engine.start())
    await until(lambda: "Is the CustomResourceDefinition installed?" in at.engine.ready()[1])
    kube.before = lambda _verb, _name: None
    await asyncio.wait_for(starting, DEADLINE)
    await at.engine.stop()


async def test_deletion_that_nobody_told_of_is_found_by_the_regular_comparison() -> None:
    async with running(resync_seconds=1) as at:
        at.hear("mnist")
        await until(lambda: at.pod("mnist-worker-0") is not None)
        at.kube.objects.pop(JOBS.path("team", "mnist"))
        await until(
            lambda: (
                at.metrics.registry.get_sample_value("trainingjob_jobs", {"phase": "New"}) == 0
                and at.metrics.registry.get_sample_value("trainingjob_jobs", {"phase": "Pending"}) == 0
            )
        )


async def test_echo_of_an_own_write_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as at:
        body = at.hear("mnist")
        read: list[Mapping[str, Any]] = []

        def reading(found: Mapping[str, Any]) -> TrainingJob:
            read.append(found)
            return read_job(found)

        monkeypatch.setattr(core_module, "read_job", reading)
        at.engine.hear("MODIFIED", body)
        assert read == []
        at.engine.hear("DELETED", body)
        assert len(read) == 1


async def test_stop_lets_a_running_pass_end_and_takes_no_other() -> None:
    released = asyncio.Event()
    finished = []

    class Slow(FakeKube):
        async def create(self, resource: Any, namespace: str, body: Object) -> Object:
            await released.wait()
            finished.append(body["metadata"]["name"])
            return await super().create(resource, namespace, body)

    kube = Slow()
    at = Running(kube, workers=1)
    await asyncio.wait_for(at.engine.start(), DEADLINE)
    at.hear("first")
    at.hear("second")
    await until(lambda: at.engine._queue.active == 1)
    stopping = asyncio.create_task(at.engine.stop())
    await asyncio.sleep(0)
    released.set()
    await asyncio.wait_for(stopping, DEADLINE)
    assert "first" in finished
    assert "second" not in finished


async def test_stop_breaks_off_what_does_not_end_in_time() -> None:
    class Hanging(FakeKube):
        async def create(self, resource: Any, namespace: str, body: Object) -> Object:
            await asyncio.Event().wait()
            return await super().create(resource, namespace, body)

    at = Running(Hanging())
    await asyncio.wait_for(at.engine.start(), DEADLINE)
    at.hear("mnist")
    await until(lambda: at.engine._queue.active == 1)
    await asyncio.wait_for(at.engine.stop(), DEADLINE)
    await at.engine.stop()
    assert at.failures == 0


async def test_part_that_ends_although_it_should_run_for_ever_ends_the_operator() -> None:
    class Broken(FakeKube):
        def watch(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("a defect")

    at = Running(Broken())
    await asyncio.wait_for(at.engine.start(), DEADLINE)
    await until(lambda: at.failures > 0)
    await at.engine.stop()


async def test_hanging_watch_and_stuck_pass_are_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as at:
        assert at.engine.healthy() == (True, "ok")
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "SILENT_SECONDS", -1.0)
            assert at.engine.healthy() == (False, "the watch of pods in team hangs")
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "OUT_OF_TOUCH_SECONDS", -1.0)
            assert not at.engine.healthy()[0]
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "STUCK_SECONDS", -1.0)
            assert at.engine.healthy()[1].startswith("a pass has made no progress")
