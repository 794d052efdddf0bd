"""Gangs: pods that hold nodes while others find none give way in time, and no PodGroup outlives its attempt."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import TrainingJobStatus
from trainingjob.plan import Plan
from trainingjob.plan.gang import pod_group_of
from trainingjob.plan.model import GangPlan
from trainingjob.reconcile import interruptions
from trainingjob.reconcile.backoff import FIRST, LONGEST
from trainingjob.reconcile.decision import Create, Decision, DeletePodGroup, say
from trainingjob.reconcile.observed import Children
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State
from trainingjob.reconcile.suspension import is_suspended

GANG_TIMEOUT = "GangTimeout"


def retry_pause(uid: str, nth: int) -> timedelta:
    """Return how long the pods of a job stay away after the `nth` time, from 1, that they gave way.

    Half of it is the same for all jobs, of the rest each has its own part: two jobs that gave way to each other at
    the same moment come back one after the other.
    """
    longest = min(LONGEST, FIRST * (1 << min(nth, 10)))
    digest = hashlib.sha256(f"{uid}/{nth}".encode()).digest()
    part = int.from_bytes(digest[:4], "big") / 2**32
    return longest / 2 * (1 + part)


def with_timeout(job: TrainingJob, plan: Plan, replicas: ReplicaSet, decision: Decision, now: datetime) -> Decision:
    """Return the decision for a job on its way, or that its pods give way because too few found a node in time."""
    gang = plan.gang
    if gang is None or gang.timeout_seconds is None or job.status.attempt_start_time:
        return decision
    members = [view for view in replicas if gang.counts(view.replica.role)]
    since = [view.pod.created for view in members if view.pod]
    if not since or sum(_placed(view) for view in members) >= gang.least:
        return decision
    at = min(since) + timedelta(seconds=gang.timeout_seconds)
    if now < at:
        return replace(decision, wake=min(decision.wake or at, at))
    return say(job, _given_way(job, gang, replicas, members, now))


def _placed(view: ReplicaView) -> bool:
    if view.state is not State.WAITING:
        return view.state is not State.MISSING
    return view.pod is not None and any(found[:2] == ("PodScheduled", "True") for found in view.pod.conditions)


def _given_way(
    job: TrainingJob, gang: GangPlan, replicas: ReplicaSet, members: list[ReplicaView], now: datetime
) -> TrainingJobStatus:
    """Return the status of a job of which every replica starts anew, at nobody's cost but that of time."""
    retries = (job.status.gang_retries or 0) + 1
    due = now + retry_pause(job.uid, retries)
    restart = interruptions.Restart((GANG_TIMEOUT, _explain(gang, members)), {"gang_retries": retries}, due)
    status = interruptions.restarting(job, replicas, (), restart, now)
    # The time to start in, which `pendingDeadlineSeconds` bounds, and that to run in go on as they were.
    return status.model_copy(
        update={
            "start_time": job.status.start_time,
            "restart_time": job.status.restart_time,
            "gang_retry_time": status.restart_time,
        }
    )


def _explain(gang: GangPlan, members: list[ReplicaView]) -> str:
    without = [view for view in members if not _placed(view)]
    first, needed = without[0], f"of which {gang.least} must" if gang.least < len(members) else "which must all"
    others = f" and {len(without) - 1} more" if len(without) > 1 else ""
    said = first.pod.unschedulable if first.pod else "it could not be created"
    why = f": {said}" if said else ""
    return (
        f"After {gang.timeout_seconds} s {len(members) - len(without)} of {len(members)} pods, {needed}, have a node; "
        f"{first.replica.pod}{others} found none{why}"
    )


def pod_groups(plan: Plan, attempt: int) -> tuple[Create, ...]:
    """Return the PodGroup that must exist before the pods of an attempt."""
    groups = plan.gang.pod_groups(attempt) if plan.gang else ()
    return tuple(Create("PodGroup", group["metadata"]["name"], group) for group in groups)


def groups_left_over(job: TrainingJob, children: Children) -> tuple[DeletePodGroup, ...]:
    """Return the deletes of PodGroups that have no more pods to wait for: a queue would count them for ever.

    Those are all of a job that has ended or is suspended, and those of the attempt before of any other.
    """
    gang, attempt = (job.spec.gang if job.spec else None), job.status.attempt or 0
    halted = job.status.finished or is_suspended(job)
    # No attempt has pods before the PodGroup of the one before it is gone.
    earlier = [] if job.status.attempt_start_time or not attempt else [attempt - 1]
    attempts = [*earlier, *([attempt] if halted else [])]
    found = [reference for n in attempts if (reference := pod_group_of(job, gang, n))]
    return tuple(
        DeletePodGroup(group.api_version, group.name) for group in found if group.name not in children.pod_groups_gone
    )
