"""What a failure leads to: the job's own rules first, then its strategy's default, both within its budgets."""

from dataclasses import dataclass
from enum import Enum

from trainingjob.api.failure_policy import FailureAction, FailureRule
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import Failure
from trainingjob.plan import Plan
from trainingjob.reconcile.classes import THE_CLUSTERS
from trainingjob.reconcile.observed import ObservedPod
from trainingjob.reconcile.preparing import REFUSALS
from trainingjob.reconcile.replicas import ReplicaView


class Charge(Enum):
    """Which budget a restart is taken from."""

    RESTARTS = "maxRestarts"
    DISRUPTIONS = "maxDisruptions"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done about a failure."""

    action: FailureAction
    """FailJob, RestartJob or RestartReplica."""
    charge: Charge
    exhausted: bool = False
    """Whether the job fails because the budget is used up."""


def judge_failure(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, view: ReplicaView, failure: Failure) -> Verdict:
    """Return what is done about the failure of one replica, if no other had failed."""
    if failure.reason in REFUSALS:
        return Verdict(FailureAction.FAIL_JOB, Charge.RESTARTS)
    disrupted = failure.failure_class in THE_CLUSTERS
    action = _chosen(spec, view, failure) or _default(plan, view, disrupted=disrupted)
    charge = Charge.DISRUPTIONS if disrupted or action is FailureAction.IGNORE else Charge.RESTARTS
    if action is FailureAction.IGNORE:
        action = _default(plan, view, disrupted=True)
    if action is FailureAction.FAIL_JOB:
        return Verdict(action, charge)
    if budget_left(job, spec, charge) < 1:
        return Verdict(FailureAction.FAIL_JOB, charge, exhausted=True)
    return Verdict(action, charge)


def budget_left(job: TrainingJob, spec: TrainingJobSpec, charge: Charge) -> int:
    """Return how many restarts a budget still has."""
    if charge is Charge.RESTARTS:
        return spec.max_restarts - (job.status.restarts or 0)
    return spec.max_disruptions - (job.status.disruptions or 0)


def _default(plan: Plan, view: ReplicaView, *, disrupted: bool) -> FailureAction:
    alone = plan.restarts_alone(view.replica) or (disrupted and view.replaceable)
    return FailureAction.RESTART_REPLICA if alone else FailureAction.RESTART_JOB


def _chosen(spec: TrainingJobSpec, view: ReplicaView, failure: Failure) -> FailureAction | None:
    rules = spec.failure_policy.rules if spec.failure_policy else []
    return next((rule.action for rule in rules if _matches(rule, view.replica.role, view.pod, failure)), None)


def _matches(rule: FailureRule, role: Role, pod: ObservedPod | None, failure: Failure) -> bool:
    if rule.roles and role not in rule.roles:
        return False
    if rule.on_exit_codes is not None:
        # What the cluster has ended has no code of its own: the signal decides that one.
        return failure.failure_class not in THE_CLUSTERS and rule.on_exit_codes.match(failure.exit_code)
    if rule.on_reason is not None:
        return failure.reason in rule.on_reason
    conditions = pod.conditions if pod else ()
    return any(
        (wanted.type, wanted.status) == (kind, status) and wanted.reason in (None, reason)
        for wanted in rule.on_pod_conditions or ()
        for kind, status, reason in conditions
    )
