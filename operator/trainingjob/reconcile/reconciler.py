"""One look at a job: what should be done, what should be said of it, when to look again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from trainingjob.api.constants import MANAGED_BY
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import Phase, TrainingJobStatus
from trainingjob.plan import Plan, PlanOptions, PlanRefusedError, plan_job
from trainingjob.reconcile import outcomes
from trainingjob.reconcile.cleanup import clean_up
from trainingjob.reconcile.counts import recount_finished
from trainingjob.reconcile.deadlines import next_deadline
from trainingjob.reconcile.decision import Decision, is_news, say
from trainingjob.reconcile.ending import finish, hold_back
from trainingjob.reconcile.gang import groups_left_over
from trainingjob.reconcile.lost_nodes import remove_by_force
from trainingjob.reconcile.observed import Children, owned
from trainingjob.reconcile.progress import advance, conclude_at_once
from trainingjob.reconcile.retention import retire
from trainingjob.reconcile.suspension import is_suspended, resume, suspend
from trainingjob.reconcile.tensorboard import with_tensorboard, without_tensorboard

_SOON = timedelta(seconds=1)


def reconcile(job: TrainingJob, children: Children, now: datetime, options: PlanOptions) -> Decision:
    """Decide what to do for a job; everything follows from the arguments.

    Args:
        job: the stored job.
        children: what is known of the pods and Services around its name.
        now: the time, in UTC.
        options: what the operator's configuration decides about pods.
    """
    if job.deleting or job.managed_by not in ("", MANAGED_BY):
        return Decision()
    return without_tensorboard(job, children, _reconcile(job, children, now, options), now)


def _reconcile(job: TrainingJob, children: Children, now: datetime, options: PlanOptions) -> Decision:
    if job.status.finished:
        return _rest(job, children, now)
    if job.spec is None or job.problem:
        return say(job, outcomes.stalled(job, "InvalidSpec", job.problem, now))
    if job.spec.cancel and not job.status.ending:
        return say(job, outcomes.cancelled(job, now))
    decision = _decide(job, job.spec, children, now, options)
    forced, again = remove_by_force(job.spec, owned(job, children.pods), now)
    if forced and (decision.status is None or is_news(job, decision.status)):
        # Such a pod is counted before it is removed; what is not stored yet would be forgotten with it.
        return replace(decision, wake=_first(decision.wake, now + _SOON))
    return replace(decision, actions=(*decision.actions, *forced), wake=_first(decision.wake, again))


def _decide(
    job: TrainingJob, spec: TrainingJobSpec, children: Children, now: datetime, options: PlanOptions
) -> Decision:
    pods = owned(job, children.pods)
    if is_suspended(job):
        groups = groups_left_over(job, children)
        halted = (suspend if spec.suspend or groups else resume)(job, spec, pods, now)
        return replace(halted, actions=(*halted.actions, *groups))
    try:
        plan = plan_job(job, options)
    except PlanRefusedError as refusal:
        if spec.suspend and not job.status.ending:
            return suspend(job, spec, pods, now)
        return say(job, outcomes.stalled(job, refusal.reason, str(refusal), now))
    if plan.framework != job.status.framework:
        job = replace(job, status=job.status.model_copy(update={"framework": plan.framework}))
    if job.status.ending:
        return finish(job, spec, plan, children, now)
    if spec.suspend:
        ended = conclude_at_once(job, spec, plan, children, now)
        return hold_back(job, spec, plan, children, ended, now) if ended else suspend(job, spec, pods, now)
    decision = hold_back(job, spec, plan, children, _go_on(job, spec, plan, children, now), now)
    return with_tensorboard(job, plan, children, decision)


def _go_on(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime) -> Decision:
    """Decide for a job whose outcome is open; it may come out now."""
    decision = advance(job, spec, plan, children, now)
    deadline = next_deadline(job, spec, now)
    if deadline is None or (decision.status and _trained(decision.status)):
        return decision
    if now >= deadline.at:
        # A failure whose cause is still looked for is told first; that takes some seconds.
        if decision.status is None:
            return decision
        return say(job, outcomes.overdue(job, decision.status or job.status, deadline, now))
    return replace(decision, wake=_first(decision.wake, deadline.at))


def _trained(status: TrainingJobStatus) -> bool:
    """Say whether no deadline matters any more: an evaluator has a time of its own."""
    return status.finished or status.phase is Phase.FINALIZING


def _rest(job: TrainingJob, children: Children, now: datetime) -> Decision:
    """Decide for a job that has ended: nothing is created any more, and nothing of its end changes."""
    pods = owned(job, children.pods)
    observed = max(job.generation, job.status.observed_generation)
    status = recount_finished(job.status, pods).model_copy(update={"observed_generation": observed})
    # With the last pod gone the status will not change again: the last word need not wait for another.
    last_word = not any(counts.active for counts in (status.replicas or {}).values())
    retired, again = retire(job, pods, now)
    deletes = {action.name: action for action in clean_up(job, children)}
    forced, sooner = remove_by_force(job.spec, pods, now) if job.spec else ((), None)
    groups = groups_left_over(job, children)
    actions = (*(a for a in deletes.values() if a not in retired), *groups, *retired, *forced)
    return Decision(actions, status, urgent=last_word, wake=_first(again, sooner))


def _first(*moments: datetime | None) -> datetime | None:
    return _least(moment for moment in moments if moment is not None)


def _least(moments: Iterable[datetime]) -> datetime | None:
    return min(moments, default=None)
