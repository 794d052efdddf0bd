"""What Kubernetes and Prometheus are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.support.builders import make_job
from trainingjob.controller.health import HealthServer, Verdict
from trainingjob.controller.metrics import Metrics


@asynccontextmanager
async def serving(healthy: Verdict, ready: Verdict, metrics: Metrics) -> AsyncIterator[str]:
    server = HealthServer(lambda: healthy, lambda: ready, metrics.registry)
    port = await server.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.close()


async def get(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


async def test_verdicts_become_statuses_with_a_reason() -> None:
    async with serving((False, "the watch of pods hangs"), (True, "working"), Metrics()) as address:
        assert await get(f"{address}/healthz") == (503, "the watch of pods hangs\n")
        assert await get(f"{address}/readyz") == (200, "working\n")


@pytest.mark.parametrize("path", ["/", "/healthz/x", "/debug"])
async def test_nothing_else_is_served(path: str) -> None:
    async with serving((True, "ok"), (True, "ok"), Metrics()) as address:
        status, _ = await get(address + path)
    assert status == 404


async def test_port_that_is_taken_is_an_error() -> None:
    async with serving((True, "ok"), (True, "ok"), Metrics()) as address:
        port = int(address.rsplit(":", 1)[1])
        second = HealthServer(lambda: (True, "ok"), lambda: (True, "ok"), Metrics().registry)
        with pytest.raises(OSError, match=str(port)):
            await second.start("127.0.0.1", port)
        await second.close()


async def test_metrics_tell_what_was_noted() -> None:
    metrics = Metrics()
    metrics.requested("create", "pods", "201")
    metrics.restarted("pods", "gone")
    metrics.passed("done", 0.1)
    metrics.all_created(0.5)
    metrics.started(-1.0)
    metrics.event_dropped()
    metrics.follow_lease(lambda: True)
    jobs = [make_job(), make_job("second", status={"phase": "Running"})]
    metrics.follow(lambda: jobs, lambda: 7)
    async with serving((True, "ok"), (True, "ok"), metrics) as address:
        status, text = await get(f"{address}/metrics")
    assert status == 200
    for line in (
        'trainingjob_api_requests_total{code="201",resource="pods",verb="create"} 1.0',
        'trainingjob_watch_restarts_total{reason="gone",resource="pods"} 1.0',
        'trainingjob_reconcile_seconds_count{result="done"} 1.0',
        "trainingjob_pods_created_seconds_count 1.0",
        "trainingjob_running_seconds_sum 0.0",
        "trainingjob_events_dropped_total 1.0",
        "trainingjob_is_leader 1.0",
        'trainingjob_jobs{phase="New"} 1.0',
        'trainingjob_jobs{phase="Running"} 1.0',
        'trainingjob_jobs{phase="Failed"} 0.0',
        "trainingjob_queue_depth 7.0",
        "process_resident_memory_bytes",
    ):
        assert line in text
    assert "mnist" not in text, "no metric carries the name of a job"
