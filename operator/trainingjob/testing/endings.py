"""Whether jobs end right and once: invariants 6 and 7."""

from collections.abc import Iterator
from datetime import timedelta

from trainingjob.api.times import parse_time
from trainingjob.testing.counting import Finding
from trainingjob.testing.records import TERMINAL, JobRecord, Seen, counts


def check_end(job: JobRecord, before: Seen, after: Seen) -> Iterator[Finding]:
    """Yield what is wrong with the end that a job's new status tells of, or that its old one told of."""
    was, now = before.get("phase"), after.get("phase")
    if "ending" in before or "ending" in after:
        yield from _check_outcome(job, before, after)
    if was in TERMINAL and (was, before.get("completionTime")) != (now, after.get("completionTime")):
        yield 6, f"Job {job} had ended ({was}, {before.get('completionTime')}) and is now {now}."
    if now not in TERMINAL and was not in TERMINAL:
        return
    holds = {c["type"] for c in after.get("conditions") or () if c.get("status") == "True"}
    ends = (holds & TERMINAL) | ({now} & TERMINAL)
    if len(ends) > 1:
        yield 6, f"Job {job} has more than one end: {', '.join(sorted(str(end) for end in ends))}."
    if now in TERMINAL and "Finished" not in holds:
        yield 6, f"Job {job} is {now} without the condition Finished."
    if now == "Succeeded" and was != "Succeeded":
        yield from _check_success(job, after)


def _check_outcome(job: JobRecord, before: Seen, after: Seen) -> Iterator[Finding]:
    """Yield what is wrong with an outcome that is decided before the job ends."""
    was, ending, phase = before.get("ending"), after.get("ending"), after.get("phase")
    if was is not None and was != ending:
        yield 6, f"The outcome of job {job} was decided ({was}) and is now {ending or 'open'}."
    if ending is None:
        return
    if was is None and ending.get("phase") == "Succeeded":
        yield from _check_success(job, after)
    required = (job.spec.get("outputs") or {}).get("required")
    allowed = {"Finalizing", ending.get("phase"), *(["Failed"] if required else [])}
    if phase not in allowed:
        yield 6, f"Job {job} is {phase} although its outcome is decided: {ending.get('phase')}."
    elif phase in TERMINAL and before.get("phase") not in TERMINAL:
        yield from _check_uploads(job, after)


def _check_uploads(job: JobRecord, status: Seen) -> Iterator[Finding]:
    """Yield the pods that were still uploading when their job ended before their time was over."""
    flush = (job.spec.get("outputs") or {}).get("flushSeconds", 600)
    time = timedelta(seconds=job.spec.get("stopGraceSeconds", 30) + flush)
    ended, decided = status.get("completionTime"), status["ending"].get("time")
    if not (ended and decided) or parse_time(ended) - parse_time(decided) >= time:
        return
    if not status.get("attemptStartTime"):
        # What begins at the very moment of the end has nothing to upload yet.
        return
    attempt = status.get("attempt") or 0
    uploading = [pod.name for pod in job.pods.values() if pod.uploading and not pod.gone and pod.attempt == attempt]
    if uploading:
        yield 7, f"Job {job} has ended while {', '.join(uploading)} had not told what was uploaded."


def _check_success(job: JobRecord, status: Seen) -> Iterator[Finding]:
    attempt = status.get("attempt") or 0
    missing = [
        f"{role}-{index}" for role, index in _needed(job.spec) if (attempt, role, str(index)) not in job.successes
    ]
    if missing:
        yield 7, f"Job {job} has succeeded although these have not, in attempt {attempt}: {', '.join(missing)}."


def _needed(spec: Seen) -> list[tuple[str, int]]:
    """Return the replicas whose success is the job's."""
    roles = counts(spec)
    if spec.get("successPolicy") == "AllWorkers":
        return [(role, index) for role in ("chief", "worker") for index in range(roles.get(role, 0))]
    return [next((role, 0) for role in ("chief", "launcher", "worker") if role in roles)]
