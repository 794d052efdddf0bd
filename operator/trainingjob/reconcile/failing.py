"""What follows a failure: a restart of the job, of the replicas alone, or the job's end; each is counted first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trainingjob.api.failure_policy import FailureAction
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import MAX_RESTARTING, TrainingJobStatus
from trainingjob.plan import Plan
from trainingjob.reconcile import interruptions, outcomes
from trainingjob.reconcile.backoff import next_attempt_at
from trainingjob.reconcile.classes import THE_CLUSTERS
from trainingjob.reconcile.failures import cause_of, evidence, explain
from trainingjob.reconcile.policy import Charge, Verdict, budget_left, judge_failure
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State
from trainingjob.reconcile.settling import settles_until

SETTLE = timedelta(seconds=5)
"""How long the first end of a group's program waits for others, so that the first cause and not its echo is named."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The replicas of a job that have failed in this attempt and are not dealt with yet."""

    failed: Sequence[ReplicaView]
    """Programs that ended badly, without evaluators."""
    lost: Sequence[ReplicaView]
    """Replicas that have run and whose pods are gone for certain, without evaluators."""
    evaluators: Sequence[ReplicaView]
    """Evaluators that ended badly or are gone; no job fails with them."""
    leaving: Sequence[ReplicaView] = field(default=())
    """Replicas whose pods somebody is taking away while their programs may still run."""

    @property
    def fatal(self) -> bool:
        """Say whether something has happened that the job cannot pass over."""
        return bool(self.failed or self.lost)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status that follows, and when to look again."""

    status: TrainingJobStatus | None
    """None while nothing is to be said yet."""
    wake: datetime | None = None


def answer_failures(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, replicas: ReplicaSet, trouble: Trouble, now: datetime
) -> Answer:
    """Return what follows from failed replicas: the first one decides, and is counted before anything is done."""
    cause = cause_of([*trouble.failed, *trouble.lost, *trouble.leaving])
    failure = evidence(job, cause)
    why = explain(failure)
    until = settles_until(job, replicas, now)
    if until is not None:
        return Answer(outcomes.settling(job, replicas, trouble.lost, why, until, now), until)
    if (until := _group_settles_until(replicas, cause, now)) is not None:
        return Answer(None, until)
    counted = list({view.replica: view for view in (*trouble.failed, *trouble.lost, cause)}.values())
    verdict = judge_failure(job, spec, plan, cause, failure)
    if verdict.action is FailureAction.FAIL_JOB:
        return Answer(outcomes.failed(job, replicas, counted, _exhausted(job, why, verdict), now))
    if verdict.action is FailureAction.RESTART_JOB:
        return _restart_job(job, replicas, counted, {verdict.charge: 1}, why, now)
    each = [judge_failure(job, spec, plan, view, evidence(job, view)) for view in counted]
    if failure.failure_class not in THE_CLUSTERS and (fatal := _first_fatal(counted, each)):
        view, own = fatal
        return Answer(outcomes.failed(job, replicas, counted, _exhausted(job, explain(evidence(job, view)), own), now))
    if any(v.action is not FailureAction.RESTART_REPLICA for v in each):
        return _restart_job(job, replicas, counted, {verdict.charge: 1}, why, now)
    return restart_replicas(job, spec, replicas, counted, each, why, now)


def _first_fatal(views: Sequence[ReplicaView], verdicts: Sequence[Verdict]) -> tuple[ReplicaView, Verdict] | None:
    """Return the first of several independent failures that the job does not survive."""
    pairs = zip(views, verdicts, strict=True)
    return next(((view, verdict) for view, verdict in pairs if verdict.action is FailureAction.FAIL_JOB), None)


def restart_replicas(
    job: TrainingJob,
    spec: TrainingJobSpec,
    replicas: ReplicaSet,
    views: Sequence[ReplicaView],
    verdicts: Sequence[Verdict],
    why: tuple[str, str],
    now: datetime,
) -> Answer:
    """Return the status of a job of which some replicas start anew while the others go on."""
    spent = {charge: sum(v.charge is charge for v in verdicts) for charge in Charge}
    for charge, count in spent.items():
        # A budget may have been lowered below what is spent; who takes nothing from it does not mind.
        if count and count > budget_left(job, spec, charge):
            verdict = Verdict(FailureAction.FAIL_JOB, charge, exhausted=True)
            return Answer(outcomes.failed(job, replicas, views, _exhausted(job, why, verdict), now))
    if len(views) + len(job.status.restarting or {}) > MAX_RESTARTING:
        return _restart_job(job, replicas, views, spent, why, now)
    counts = _counts(job, spent)
    nth = max(counts["restarts"] if spent[Charge.RESTARTS] else 1, 1)
    due = next_attempt_at(job.status, nth, now)
    restart = interruptions.Restart(why, counts, due)
    return Answer(interruptions.replacing(job, replicas, views, restart, now), due)


def _restart_job(
    job: TrainingJob,
    replicas: ReplicaSet,
    counted: Sequence[ReplicaView],
    spent: Mapping[Charge, int],
    why: tuple[str, str],
    now: datetime,
) -> Answer:
    counts = _counts(job, spent)
    nth = counts["restarts"] if spent.get(Charge.RESTARTS) else counts["disruptions"]
    due = next_attempt_at(job.status, nth, now)
    restart = interruptions.Restart(why, counts, due)
    return Answer(interruptions.restarting(job, replicas, counted, restart, now), due)


def _counts(job: TrainingJob, spent: Mapping[Charge, int]) -> dict[str, int]:
    return {
        "restarts": (job.status.restarts or 0) + spent.get(Charge.RESTARTS, 0),
        "disruptions": (job.status.disruptions or 0) + spent.get(Charge.DISRUPTIONS, 0),
    }


def _exhausted(job: TrainingJob, why: tuple[str, str], verdict: Verdict) -> tuple[str, str]:
    reason, message = why
    times = job.status.restarts if verdict.charge is Charge.RESTARTS else job.status.disruptions
    if not verdict.exhausted or not times:
        return why
    often = "once" if times == 1 else f"{times} times"
    spent = f"The job was started anew {often}; {verdict.charge.value} allows no more."
    return reason, f"{message.rstrip('.')}. {spent}"


def _group_settles_until(replicas: ReplicaSet, cause: ReplicaView, now: datetime) -> datetime | None:
    """Return until when other ends are waited for; None when there is nobody to wait for.

    A pod that is being deleted is waited with for nobody: it is the cause, and with it would go what it tells.
    """
    if cause.ended is None or cause.ended > now or (cause.pod and cause.pod.deleting):
        return None
    others = [view for view in replicas.without(Role.EVALUATOR) if view.state is State.RUNNING]
    until = cause.ended + SETTLE
    return until if others and now < until else None
