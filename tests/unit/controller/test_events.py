"""Kubernetes Events: counted, bounded, and never in the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.builders import CREATED, make_job
from tests.unit.controller.fakes import FakeKube
from trainingjob.controller import events
from trainingjob.controller.events import Recorder
from trainingjob.controller.kube import EVENTS, Object
from trainingjob.controller.kube_errors import RefusedError
from trainingjob.reconcile import Event

JOB = make_job()
CREATED_EVENT = Event("Normal", "Created", "Created 3 Pods.")
FAILED_EVENT = Event("Warning", "Failed", "Pod mnist-worker-0 failed.")


@asynccontextmanager
async def recording(kube: FakeKube, dropped: Callable[[], None] = lambda: None) -> AsyncIterator[Recorder]:
    recorder = Recorder(kube, "operator-1", lambda: CREATED, dropped, per_second=1e6)
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
        await asyncio.wait_for(recorder.flush(), 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stored(kube: FakeKube) -> list[Object]:
    return list(kube.objects.values())


async def test_event_speaks_of_the_job() -> None:
    kube = FakeKube()
    async with recording(kube) as recorder:
        recorder.record(JOB, FAILED_EVENT)
    event = stored(kube)[0]
    about = event["involvedObject"]
    assert (about["kind"], about["name"], about["uid"], about["apiVersion"]) == (
        "TrainingJob",
        "mnist",
        JOB.uid,
        "trainingjob.dev/v1",
    )
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "Failed", 1)
    assert event["firstTimestamp"] == "2026-01-31T12:00:00Z"


async def test_repeated_event_is_counted_and_not_written_anew() -> None:
    kube = FakeKube()
    async with recording(kube) as recorder:
        for _ in range(3):
            recorder.record(JOB, FAILED_EVENT)
        recorder.record(JOB, CREATED_EVENT)
    assert sorted((event["reason"], event["count"]) for event in stored(kube)) == [("Created", 1), ("Failed", 3)]
    assert len(kube.writes("create")) == 2


async def test_same_words_of_two_jobs_are_two_events() -> None:
    kube = FakeKube()
    async with recording(kube) as recorder:
        recorder.record(JOB, CREATED_EVENT)
        recorder.record(make_job(uid="another-uid"), CREATED_EVENT)
    assert len(kube.writes("create")) == 2


async def test_repeated_event_that_the_server_has_forgotten_is_written_anew() -> None:
    kube = FakeKube()
    async with recording(kube) as recorder:
        recorder.record(JOB, FAILED_EVENT)
        await recorder.flush()
        kube.objects.clear()
        recorder.record(JOB, FAILED_EVENT)
    assert [event["count"] for event in stored(kube)] == [1]


async def test_event_that_is_refused_is_dropped_and_the_next_is_written() -> None:
    kube = FakeKube()
    lost: list[None] = []
    faults = iter([RefusedError("namespace is being terminated", status=403)])
    kube.before = lambda _verb, _name: next(faults, None)
    async with recording(kube, lambda: lost.append(None)) as recorder:
        recorder.record(JOB, CREATED_EVENT)
        recorder.record(JOB, FAILED_EVENT)
    assert [event["reason"] for event in stored(kube)] == ["Failed"]
    assert len(lost) == 1


async def test_recording_never_waits_and_drops_what_is_too_much() -> None:
    lost: list[None] = []
    recorder = Recorder(FakeKube(), "operator-1", lambda: CREATED, lambda: lost.append(None))
    for _ in range(events.QUEUED_MOST + 5):
        recorder.record(JOB, CREATED_EVENT)
    assert len(lost) == 5


async def test_long_message_is_cut_to_what_the_server_takes() -> None:
    kube = FakeKube()
    async with recording(kube) as recorder:
        recorder.record(JOB, Event("Warning", "Failed", "x" * 5000))
    assert len(stored(kube)[0]["message"]) == 1024
    assert stored(kube)[0]["metadata"]["namespace"] == "team"
    assert kube.stored(EVENTS, "team", stored(kube)[0]["metadata"]["name"]) is not None
