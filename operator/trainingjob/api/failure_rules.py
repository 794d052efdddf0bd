"""The rules of a failure policy: what contradicts itself, and what does not fit the job's strategy."""

from collections.abc import Mapping
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.failure_policy import ExitCodeRange, ExitCodes, FailureAction, FailureRule
from trainingjob.api.gang import GangScheduler
from trainingjob.api.gang_rules import in_kueue
from trainingjob.api.rule import Rule, Words, exactly_one, literal
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.strategy_rules import ROLE_EXISTS

_SOME_CODES: Rule[ExitCodes] = Rule(
    "has(self.values) || has(self.ranges)",
    lambda codes: () if codes.values is None and codes.ranges is None else None,
    "give values, ranges or both; there is neither",
)

_RANGE: Rule[ExitCodeRange] = Rule(
    # In an atomic list, where an error would block the status of a job that lacks one of them.
    "!has(self.from) || !has(self.to) || self.from <= self.to",
    lambda codes: (codes.first, codes.last) if codes.first > codes.last else None,
    "%d is more than to, which is %d; choose no more than that",
    ("self.from", "self.to"),
    field="from",
)


def _replicas_that_restart_alone() -> Rule[TrainingJobSpec]:
    kueue = f"(has(self.gang) && self.gang.scheduler == {literal(GangScheduler.KUEUE)})"
    together = f"has(self.mpi) || has(self.multiWorker) || (has(self.torch) && !has(self.torch.elastic)) || {kueue}"
    asked = f"self.failurePolicy.rules.exists(rule, rule.action == {literal(FailureAction.RESTART_REPLICA)})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        rigid = spec.mpi or spec.multi_worker or (spec.torch and not spec.torch.elastic) or in_kueue(spec)
        actions = {rule.action for rule in spec.failure_policy.rules} if spec.failure_policy else set()
        return () if rigid and FailureAction.RESTART_REPLICA in actions else None

    return Rule(
        f"!has(self.failurePolicy) || !({together}) || !{asked}",
        broken,
        f"{FailureAction.RESTART_REPLICA} fits no job with mpi, multiWorker, or torch without elastic, whose others "
        f"fail when one replica is lost, nor a gang of {GangScheduler.KUEUE}, in which no pod can be replaced alone; "
        f"use {FailureAction.RESTART_JOB}",
        field="failurePolicy",
    )


def _roles_of_the_job() -> Rule[TrainingJobSpec]:
    absent = ", ".join(f"{exists} ? '' : {literal(role)}" for role, (exists, _, _) in ROLE_EXISTS.items())
    named = "self.failurePolicy.rules.exists(rule, has(rule.roles) && role in rule.roles)"

    def broken(spec: TrainingJobSpec) -> Words | None:
        rules = spec.failure_policy.rules if spec.failure_policy else ()
        roles = {role for rule in rules for role in rule.roles or ()}
        others = (role for role, (_, exists, _) in ROLE_EXISTS.items() if not exists(spec))
        return next(((role.value,) for role in others if role in roles), None)

    return Rule(
        f"!has(self.failurePolicy) || ![{absent}].exists(role, {named})",
        broken,
        "this job has no %s; leave it out of the roles",
        (f"[{absent}].filter(role, {named})[0]",),
        field="failurePolicy",
    )


FAILURE_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    FailureRule: (exactly_one(FailureRule, "onExitCodes", "onPodConditions", "onReason"),),
    ExitCodes: (_SOME_CODES,),
    ExitCodeRange: (_RANGE,),
}

SPEC_FAILURE_RULES: tuple[Rule[TrainingJobSpec], ...] = (_replicas_that_restart_alone(), _roles_of_the_job())
