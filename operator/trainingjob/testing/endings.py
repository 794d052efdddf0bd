"""Whether jobs end right and once: invariants 6 and 7."""

from collections.abc import Iterator

from trainingjob.testing.counting import Finding
from trainingjob.testing.records import TERMINAL, JobRecord, Seen, counts


def check_end(job: JobRecord, before: Seen, after: Seen) -> Iterator[Finding]:
    """Yield what is wrong with the end that a job's new status tells of, or that its old one told of."""
    was, now = before.get("phase"), after.get("phase")
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
