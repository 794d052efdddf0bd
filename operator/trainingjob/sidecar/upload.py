"""Keep what a program writes: the native sidecar that uploads it while it runs, and the rest at its end."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from trainingjob.contract import names
from trainingjob.contract.report import Report
from trainingjob.contract.tasks import UploadArtifacts
from trainingjob.sidecar import reports
from trainingjob.sidecar.artifact import Artifact
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.log import say
from trainingjob.sidecar.metrics_file import MetricsFile
from trainingjob.sidecar.metrics_port import serve
from trainingjob.sidecar.termination import leave_text

_LONGEST_RESERVE: Final = 10.0
"""Seconds of the grace that are left for a last manifest and the report."""
_METRICS_SECONDS: Final = 2.0
"""How often the file of metrics is read; what is served is no older."""


def run(task: str) -> None:
    """Upload until SIGTERM says that the program has ended, then the rest, and report.

    Args:
        task: an `UploadArtifacts` as JSON.

    Raises:
        RefusedError: when the task cannot be right. What a store refuses is reported at the end: a container that
            runs beside a program is started again whenever it ends, and its last words are lost.
    """
    wanted = UploadArtifacts.model_validate_json(task)
    _check(wanted)
    # What is kept on a claim may be tidied up by whoever has the volume's group.
    os.umask(0o002)
    asyncio.run(_upload(wanted, os.environ[names.POD_UID_VARIABLE]))


def _check(task: UploadArtifacts) -> None:
    for folder in (*task.paths, *task.stream, task.metrics):
        path = PurePosixPath(folder)
        if path.is_absolute() or ".." in path.parts:
            raise RefusedError(f"{folder!r} is no folder of the workspace.")
    if not os.environ.get(names.POD_UID_VARIABLE):
        raise RefusedError(f"The variable {names.POD_UID_VARIABLE} is missing.")


async def _upload(task: UploadArtifacts, pod: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    # It is held back from the first moment on: a program may end before this one has begun.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    say(f"{task.pod}: keeping {', '.join(dict.fromkeys((*task.paths, *task.stream)))} at {task.prefix}")
    artifact = Artifact(task, pod, stopping)
    metrics = _open_metrics(task)
    live = asyncio.create_task(_live(artifact, task.interval_seconds, stopping))
    watch = asyncio.create_task(_watch(metrics, stopping)) if metrics else None
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({live, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.is_set():
        stopped.cancel()
        await live
    report = await _finish(artifact, task, live)
    if metrics and watch:
        await watch
        await asyncio.to_thread(metrics.read, last=True)
        report = report.model_copy(update={"metrics": metrics.newest})
    leave_text(reports.fit(report, task.report_bytes), task.report_bytes)


def _open_metrics(task: UploadArtifacts) -> MetricsFile | None:
    if not task.metrics:
        return None
    metrics = MetricsFile(Path(task.workspace), task.metrics)
    if task.metrics_port:
        serve(metrics, task.metrics_port)
    return metrics


async def _watch(metrics: MetricsFile, stopping: asyncio.Event) -> None:
    """Read metrics until the program has ended, however long an upload takes meanwhile."""
    while not stopping.is_set():
        await asyncio.to_thread(metrics.read)
        await _sleep(_METRICS_SECONDS, stopping)


async def _live(artifact: Artifact, interval: float, stopping: asyncio.Event) -> None:
    """Look for something to upload at each interval, until the program has ended."""
    while not stopping.is_set():
        try:
            await artifact.upload_changes()
        except (RefusedError, UnavailableError) as error:
            # Somebody may yet make the bucket, or exchange the credentials.
            say(f"{error} Trying again in {interval} s.")
        await _sleep(interval, stopping)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    """Wait so long, or until the program has ended."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def _finish(artifact: Artifact, task: UploadArtifacts, live: "asyncio.Task[None]") -> Report:
    """Upload what is left within the grace, and return what has come of it."""
    begun = time.monotonic()
    reserve = min(_LONGEST_RESERVE, task.grace_seconds / 4)
    say(f"The program has ended; uploading the rest within {task.grace_seconds} s.")
    problem = ""
    try:
        async with asyncio.timeout(task.grace_seconds - reserve):
            await _wind_down(live, task.grace_seconds / 3)
            problem = await artifact.upload_rest()
    except TimeoutError:
        problem = artifact.describe_rest(task.grace_seconds)
        await _last_manifest(artifact, reserve / 2)
    except RefusedError as error:
        problem = str(error)
    report = artifact.report(problem)
    state = "complete" if report.complete else f"not complete: {problem}"
    say(f"{report.uri}: {report.files} files, {report.bytes:,} bytes, {state} ({time.monotonic() - begun:.1f} s)")
    return report


async def _wind_down(live: "asyncio.Task[None]", seconds: float) -> None:
    """Let the files arrive that are on their way, but not for ever."""
    await asyncio.wait({live}, timeout=seconds)
    live.cancel()
    await asyncio.gather(live, return_exceptions=True)


async def _last_manifest(artifact: Artifact, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await artifact.write_partial()
    except (TimeoutError, RefusedError, UnavailableError) as error:
        say(f"The last manifest could not be written: {error or 'the store does not answer'}")
