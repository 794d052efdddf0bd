"""Whether restarts are counted right: invariants 8, 9 and 11.

What the operator promises: a status that raises `attempt` raises it by one and charges one restart, to `restarts` or
to `disruptions`; it deals with every pod of the attempts before. A status that starts replicas anew names them in
`restarting` and charges one for each. Either needs a pod of this very job that has failed, is being taken away or is
gone, and that no status has dealt with before. A job that fails for good charges nothing for its last failure. What
nobody could see is not counted: a pod that vanished before its job had started is made again without a word.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trainingjob.testing.records import JobRecord, PodRecord, Seen

Finding = tuple[int, str]
"""The number of an invariant and the sentence that says how it was broken."""

_COUNTERS = ("attempt", "restarts", "disruptions")
_SPOKEN_OF = (*_COUNTERS, "observedGeneration", "restarting")


def check_counters(job: JobRecord, before: Seen, after: Seen) -> Iterator[Finding]:
    """Yield what is wrong with the counters of a job's new status; remember what it has dealt with."""
    if [before.get(name) for name in _SPOKEN_OF] == [after.get(name) for name in _SPOKEN_OF]:
        return
    yield from _falling(job, before, after)
    old = {name: before.get(name) or 0 for name in _COUNTERS}
    new = {name: after.get(name) or 0 for name in _COUNTERS}
    restarting: Mapping[str, Any] = after.get("restarting") or {}
    known: Mapping[str, Any] = before.get("restarting") or {}
    if old == new and restarting == known:
        return
    charged = new["restarts"] + new["disruptions"] - old["restarts"] - old["disruptions"]
    if not before.get("phase") and any(new.values()) and not any(pod.in_trouble for pod in job.pods.values()):
        yield 11, f"The first status of job {job} has counters of something else: {new}."
    elif new["attempt"] != old["attempt"]:
        yield from _new_attempt(job, new["attempt"], new["attempt"] - old["attempt"], charged)
    else:
        entered = {name: uid for name, uid in restarting.items() if known.get(name) != uid}
        resumed = before.get("phase") == "Suspended" and after.get("phase") != "Suspended"
        yield from _restarted_alone(job, entered, charged, resumed=resumed)
    yield from _budget(job, new)


def check_evidence(job: JobRecord, status: Seen, owners: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what a status says of pods that were never this job's; `owners` has the owner's uid of every pod."""
    named = [failure.get("uid") for failure in status.get("failures") or ()]
    for uid in (*named, *(status.get("restarting") or {}).values()):
        if uid and owners.get(uid, job.uid) != job.uid:
            yield 11, f"The status of job {job} speaks of pod {uid}, which belongs to {owners[uid] or 'nobody'}."


def _falling(job: JobRecord, before: Seen, after: Seen) -> Iterator[Finding]:
    for name in _COUNTERS:
        if (after.get(name) or 0) < (before.get(name) or 0):
            yield 9, f"{name} of job {job} went from {before[name]} down to {after.get(name)}."
    old, new = before.get("observedGeneration", -1), after.get("observedGeneration", -1)
    if new < old:
        yield 9, f"observedGeneration of job {job} went from {old} down to {new}."


def _new_attempt(job: JobRecord, attempt: int, step: int, charged: int) -> Iterator[Finding]:
    past = [pod for pod in job.pods.values() if pod.attempt < attempt]
    if step != 1 or charged != 1:
        yield (
            8,
            f"Job {job} went on by {step} attempts to {attempt} and charged {charged} restarts; it must be one each.",
        )
    elif not any(pod.in_trouble and pod.uid not in job.counted for pod in past):
        yield 8, f"Job {job} began attempt {attempt} although no pod has failed that was not counted before."
    job.counted.update(pod.uid for pod in past)


def _restarted_alone(job: JobRecord, entered: Mapping[str, str], charged: int, *, resumed: bool) -> Iterator[Finding]:
    certain, unsure = [], 0
    for name, uid in entered.items():
        pod = job.pods.get(uid) if uid else job.named.get(name)
        if pod is not None and _uncounted(job, pod):
            certain.append(pod)
        elif uid and not resumed:
            yield 8, f"Job {job} restarts pod {name} ({uid}), which has not failed or was counted before."
        # A name without a uid may be a replica that is new to the job, for which nothing is charged.
        unsure += not uid
    least = sum(bool(entered[pod.name]) for pod in certain)
    if not resumed and not least <= charged <= len([pod for pod in certain if entered[pod.name]]) + unsure:
        yield 8, f"Job {job} charged {charged} restarts for {len(entered)} replicas: {', '.join(entered) or 'none'}."
    elif not resumed and charged > len(certain):
        yield 8, f"Job {job} charged {charged} restarts, but only {len(certain)} pods have failed and were not counted."
    job.counted.update(pod.uid for pod in certain if charged or resumed)


def _uncounted(job: JobRecord, pod: PodRecord) -> bool:
    return pod.in_trouble and pod.uid not in job.counted


def _budget(job: JobRecord, new: Mapping[str, int]) -> Iterator[Finding]:
    if new["restarts"] > job.most_restarts:
        yield 8, f"Job {job} has {new['restarts']} restarts; maxRestarts was never more than {job.most_restarts}."
    if new["disruptions"] > job.most_disruptions:
        most = job.most_disruptions
        yield 8, f"Job {job} has {new['disruptions']} disruptions; maxDisruptions was never more than {most}."
    if new["attempt"] > new["restarts"] + new["disruptions"]:
        yield 8, f"Job {job} is at attempt {new['attempt']} with fewer restarts and disruptions than that."
