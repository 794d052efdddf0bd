"""Whether everything has come to a good rest once nothing disturbs it any more: invariants 4, 8, 10, 14 and 15."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trainingjob.api.constants import TENSORBOARD_SUFFIX
from trainingjob.api.times import parse_time
from trainingjob.testing.counting import Finding
from trainingjob.testing.records import TERMINAL, JobRecord, counts
from trainingjob.testing.requests import Known

_UNEXPLAINED = frozenset({"", "Starting", "WaitingForWorkers", "Resumed"})
"""Reasons of a job that is on its way: nothing holds it up, so it must not rest there."""

_LATE = timedelta(seconds=5)
"""How long after its time a thing may still be about to happen."""


def check_rest(known: Known, now: datetime, poisoned: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with jobs that nothing will change any more."""
    for pod in known.pods.values():
        owner = known.jobs.get(pod.owner)
        if owner is not None and owner.gone and pod.live:
            yield 10, f"Pod {pod.name} still lives although its job {owner} is gone."
    for job in known.jobs.values():
        if job.gone or job.foreign or job.deleting:
            continue
        yield from _pods(job)
        yield from _expired(job, now)
        yield from (_poisoned(job) if job.uid in poisoned else _explained(job, now))


def _pods(job: JobRecord) -> Iterator[Finding]:
    why = job.no_pods_because()
    live = [pod.name for pod in job.live() if not pod.deleting]
    if not why or not live:
        return
    stopped = job.phase == "Cancelled" or job.status.get("reason") == "DeadlineExceeded"
    if job.phase in TERMINAL and not stopped and job.spec.get("cleanPodPolicy") == "None":
        return
    yield 10, f"Pods of job {job} still live although {why}: {', '.join(live)}."


def _expired(job: JobRecord, now: datetime) -> Iterator[Finding]:
    """Yield what of a job is still there after its time to live."""
    status, spec = job.status, job.spec
    if job.phase not in TERMINAL or not status.get("completionTime"):
        return
    ended = parse_time(status["completionTime"])
    seconds = spec.get("ttlSecondsAfterFinished")
    if seconds is not None and now > ended + timedelta(seconds=seconds) + _LATE:
        yield 15, f"Job {job} is still there, {seconds} s and more after its end."
    yield from _shown_too_long(job, ended, now)
    seconds = spec.get("podTTLSeconds")
    left = [pod.name for pod in job.pods.values() if not (pod.gone or pod.deleting)]
    if left and seconds is not None and now > ended + timedelta(seconds=seconds) + _LATE:
        yield 15, f"Pods of job {job} are still there, {seconds} s and more after its end: {', '.join(left)}."


def _shown_too_long(job: JobRecord, ended: datetime, now: datetime) -> Iterator[Finding]:
    board = job.spec.get("tensorboard") or {}
    seconds = board["ttlSeconds"] if board.get("enabled") else 0
    left = [name for resource, name in job.standing if resource == "deployments" or name.endswith(TENSORBOARD_SUFFIX)]
    if left and now > ended + timedelta(seconds=seconds) + _LATE:
        yield 15, f"The TensorBoard of job {job} is still there, {seconds} s and more after its end."
    elif "tensorboard" in job.status and not left:
        yield 15, f"The status of job {job} speaks of a TensorBoard that does not exist."


def _poisoned(job: JobRecord) -> Iterator[Finding]:
    conditions = {c["type"]: c for c in job.status.get("conditions") or ()}
    stalled = conditions.get("Stalled") or {}
    if stalled.get("status") != "True" or not (stalled.get("reason") and stalled.get("message")):
        yield 14, f"Job {job} cannot be carried out, and no condition Stalled says why."


def _explained(job: JobRecord, now: datetime) -> Iterator[Finding]:
    status, phase = job.status, job.phase
    if phase in TERMINAL:
        return
    generation = job.body["metadata"].get("generation", 1)
    if not phase or status.get("observedGeneration", -1) < generation:
        yield 15, f"The status of job {job} ({phase or 'no phase'}) does not speak of its generation {generation}."
    elif job.spec.get("cancel") or bool(job.spec.get("suspend")) != (phase == "Suspended"):
        yield 15, f"Job {job} is {phase}, which is not what its suspend and cancel ask for."
    elif phase == "Running":
        yield from _running(job, now)
    elif phase == "Finalizing" and "ending" in status:
        yield 15, f"The outcome of job {job} is decided, and it waits for ever for what its pods upload."
    elif phase == "Finalizing" and not any(pod.role == "evaluator" for pod in job.live()):
        yield 15, f"Job {job} waits for an evaluator that does not run."
    elif phase in ("Pending", "Preparing", "Restarting") and not _waits(job, now):
        yield 15, f"Job {job} is {phase} and nothing says why: {status.get('reason')}, {status.get('message')}"


def _waits(job: JobRecord, now: datetime) -> bool:
    status = job.status
    if _restart_is_to_come(job, now) or any(pod.deleting and not pod.gone for pod in job.pods.values()):
        return True
    failed_before = {failure.get("reason") for failure in status.get("failures") or ()} | {"ProgramFailed"}
    word = status.get("reason") or ""
    return word not in _UNEXPLAINED and word not in failed_before and bool(status.get("message"))


def _restart_is_to_come(job: JobRecord, now: datetime) -> bool:
    due = job.status.get("restartTime")
    return due is not None and now < parse_time(due) + _LATE


def _running(job: JobRecord, now: datetime) -> Iterator[Finding]:
    status = job.status
    if _restart_is_to_come(job, now):
        return
    attempt = status.get("attempt") or 0
    pods = [pod for pod in job.pods.values() if not pod.gone and pod.attempt == attempt]
    failed = [p.name for p in pods if p.result == "Failed" and p.role != "evaluator" and p.uid not in job.counted]
    if failed:
        yield 8, f"Job {job} goes on at rest although pods have failed that were not counted: {', '.join(failed)}."
    if status.get("reason") != "Training":
        return
    there = {(pod.role, pod.index) for pod in pods}
    there |= {(role, index) for at, role, index in job.successes if at == attempt}
    wanted = {(role, str(index)) for role, count in counts(job.spec).items() for index in range(count)}
    if missing := wanted - there - {("evaluator", "0")}:
        yield 15, f"Job {job} is Running without {', '.join(sorted('-'.join(replica) for replica in missing))}."
    if not any(resource == "services" for resource, _ in job.standing):
        yield 4, f"Job {job} is Running without its Service."
