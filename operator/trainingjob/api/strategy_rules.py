"""The rules of the strategies: which fields and which overrides fit the one that a job has."""

from collections.abc import Callable, Mapping
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.names import STRATEGIES, TENSORFLOW
from trainingjob.api.process_strategies import Elastic, Torch
from trainingjob.api.processes import MPI_STARTER_PATTERN, is_mpi_starter, mpi_workers, own_command, processes_per_node
from trainingjob.api.rule import Rule, Words, at_most_one, literal
from trainingjob.api.spec import Role, RoleOverride, SuccessPolicy, TrainingJobSpec

ROLE_EXISTS: Mapping[Role, tuple[str, Callable[[TrainingJobSpec], bool], str]] = {
    Role.PS: (
        "has(self.parameterServer)",
        lambda spec: spec.parameter_server is not None,
        "only a job with parameterServer has parameter servers; leave overrides.ps out",
    ),
    Role.CHIEF: (
        " || ".join(f"(has(self.{block}) && self.{block}.chief)" for block in TENSORFLOW),
        lambda spec: any(block.chief for block in (spec.parameter_server, spec.multi_worker) if block),
        f"this job has no chief; set chief: true in {' or '.join(TENSORFLOW)}, or leave overrides.chief out",
    ),
    Role.EVALUATOR: (
        " || ".join(f"(has(self.{block}) && self.{block}.evaluator)" for block in TENSORFLOW),
        lambda spec: any(block.evaluator for block in (spec.parameter_server, spec.multi_worker) if block),
        f"this job has no evaluator; set evaluator: true in {' or '.join(TENSORFLOW)}, or leave "
        "overrides.evaluator out",
    ),
    Role.LAUNCHER: (
        "has(self.mpi)",
        lambda spec: spec.mpi is not None,
        "only a job with mpi has a launcher; leave overrides.launcher out",
    ),
    Role.WORKER: (
        "!has(self.mpi) || !self.mpi.launcherRunsWorker || self.mpi.nodes > 1",
        lambda spec: spec.mpi is None or mpi_workers(spec.mpi) > 0,
        "the launcher runs the only node of this job; use overrides.launcher, or leave overrides.worker out",
    ),
}
"""When a job has replicas of a role, in CEL and in Python, and what to say about an override where it has none."""


def _override(spec: TrainingJobSpec, role: Role) -> RoleOverride | None:
    found: RoleOverride | None = getattr(spec.overrides, role.value, None)
    return found


def _role_exists(role: Role) -> Rule[TrainingJobSpec]:
    exists, check, sentence = ROLE_EXISTS[role]
    return Rule(
        f"!has(self.overrides) || !has(self.overrides.{role}) || {exists}",
        lambda spec: () if _override(spec, role) and not check(spec) else None,
        sentence,
        field=f"overrides.{role}",
    )


def _command_of(role: Role) -> str:
    """Return in CEL whether a role has a command of its own."""
    return f"(has(self.overrides) && has(self.overrides.{role}) && has(self.overrides.{role}.command))"


def _some_command(role: Role) -> str:
    """Return in CEL whether there is a word in the command of a role: its own one, else the job's."""
    own = f"self.overrides.{role}.command.size() > 0"
    common = "(has(self.entrypoint) || has(self.command) && self.command.size() > 0)"
    return f"({_command_of(role)} ? {own} : {common})"


def _command(spec: TrainingJobSpec, role: Role) -> list[str]:
    override = _override(spec, role)
    own = override.command if override else None
    return (own_command(spec) if own is None else own) or []


def _mpi_command() -> Rule[TrainingJobSpec]:
    return Rule(
        f"!has(self.mpi) || {_some_command(Role.LAUNCHER)}",
        lambda spec: () if spec.mpi and not _command(spec, Role.LAUNCHER) else None,
        "an image's own program cannot be put under mpirun; give the program, such as [python, train.py]",
        field="command",
    )


def _mpi_worker_runs_sshd(field: str) -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        override = _override(spec, Role.WORKER)
        return () if spec.mpi and override and getattr(override, field) is not None else None

    return Rule(
        f"!has(self.mpi) || !has(self.overrides) || !has(self.overrides.worker) || !has(self.overrides.worker.{field})",
        broken,
        f"the workers of an MPI job run sshd, through which the launcher starts the program; give {field} for the "
        "whole job or in overrides.launcher",
        field=f"overrides.worker.{field}",
    )


def _mpi_args() -> Rule[TrainingJobSpec]:
    def starts(command: str) -> str:
        return f"{command}.size() > 0 && {command}[0].matches({literal(MPI_STARTER_PATTERN)})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        command = _command(spec, Role.LAUNCHER)
        ignored = spec.mpi and spec.mpi.args and command and is_mpi_starter(command[0])
        return (command[0],) if ignored else None

    own, common = f"self.overrides.{Role.LAUNCHER}.command", "self.command"
    started = f"({_command_of(Role.LAUNCHER)} ? {starts(own)} : has({common}) && {starts(common)})"
    return Rule(
        f"!has(self.mpi) || !has(self.mpi.args) || self.mpi.args.size() == 0 || !{started}",
        broken,
        "the command begins with %s and is run as it is; put these words into the command and leave mpi.args out",
        (f"({_command_of(Role.LAUNCHER)} ? {own}[0] : {common}[0])",),
        field="mpi.args",
    )


def _torchrun_command() -> tuple[Rule[TrainingJobSpec], ...]:
    """Return the rules for what runs under torchrun, by the reason for which it does."""
    processes = "self.torch.?processesPerNode.orValue(self.gpusPerWorker > 0 ? self.gpusPerWorker : 1)"

    def several(spec: TrainingJobSpec) -> Words | None:
        count = processes_per_node(spec)
        return (count,) if spec.torch and count > 1 and not _command(spec, Role.WORKER) else None

    return (
        Rule(
            f"!has(self.torch) || {processes} <= 1 || {_some_command(Role.WORKER)}",
            several,
            "torchrun starts %d processes in each worker and cannot start an image's own program; give the program, "
            "such as [python, train.py], or set torch.processesPerNode: 1",
            (processes,),
            field="command",
        ),
        Rule(
            f"!has(self.torch) || !has(self.torch.elastic) || {_some_command(Role.WORKER)}",
            lambda spec: () if spec.torch and spec.torch.elastic and not _command(spec, Role.WORKER) else None,
            "an elastic job runs under torchrun, which cannot start an image's own program; give the program, such as "
            "[python, train.py]",
            field="command",
        ),
    )


def _all_workers() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        return (spec.success_policy.value,) if spec.mpi and spec.success_policy is SuccessPolicy.ALL_WORKERS else None

    return Rule(
        f"!has(self.mpi) || self.successPolicy != {literal(SuccessPolicy.ALL_WORKERS)}",
        broken,
        f"%s fits no MPI job, whose workers only serve and never end by themselves; use {SuccessPolicy.PRIMARY}, "
        "which waits for the launcher",
        ("self.successPolicy",),
        field="successPolicy",
    )


def _within_bounds() -> Rule[Torch]:
    lowest, highest = "self.elastic.minNodes", "self.elastic.maxNodes"

    def broken(torch: Torch) -> Words | None:
        bounds = torch.elastic
        if bounds is None or bounds.min_nodes > bounds.max_nodes or bounds.min_nodes <= torch.nodes <= bounds.max_nodes:
            return None
        return torch.nodes, bounds.min_nodes, bounds.max_nodes

    return Rule(
        f"!has(self.elastic) || {lowest} > {highest} || (self.nodes >= {lowest} && self.nodes <= {highest})",
        broken,
        "%d is out of the bounds of elastic; choose %d at least and %d at most",
        ("self.nodes", lowest, highest),
        field="nodes",
    )


_ELASTIC: Rule[Elastic] = Rule(
    "self.minNodes <= self.maxNodes",
    lambda elastic: (elastic.min_nodes, elastic.max_nodes) if elastic.min_nodes > elastic.max_nodes else None,
    "%d is more than maxNodes, which is %d; choose no more than that",
    ("self.minNodes", "self.maxNodes"),
    field="minNodes",
)

SPEC_STRATEGY_RULES: tuple[Rule[TrainingJobSpec], ...] = (
    at_most_one(TrainingJobSpec, *STRATEGIES),
    *(_role_exists(role) for role in ROLE_EXISTS),
    _mpi_command(),
    _mpi_worker_runs_sshd("command"),
    _mpi_worker_runs_sshd("args"),
    _mpi_args(),
    *_torchrun_command(),
    _all_workers(),
)

STRATEGY_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {Torch: (_within_bounds(),), Elastic: (_ELASTIC,)}
