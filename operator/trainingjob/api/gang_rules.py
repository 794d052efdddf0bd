"""The rules of a gang: what its scheduler has no use for, and how many pods there are to wait for."""

from collections.abc import Mapping
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.gang import Gang, GangScheduler
from trainingjob.api.rule import Rule, Words, literal
from trainingjob.api.spec import TrainingJobSpec

_IS_KUEUE = f"self.scheduler == {literal(GangScheduler.KUEUE)}"


def in_kueue(spec: TrainingJobSpec) -> bool:
    """Say whether Kueue admits the pods of a job as one group."""
    return spec.gang is not None and spec.gang.scheduler is GangScheduler.KUEUE


def gang_size(spec: TrainingJobSpec) -> int:
    """Return how many pods of a job compute: neither an evaluator nor a launcher that runs no worker."""
    if spec.parameter_server is not None:
        return spec.parameter_server.workers + spec.parameter_server.servers + spec.parameter_server.chief
    if spec.multi_worker is not None:
        return spec.multi_worker.workers + spec.multi_worker.chief
    nodes = spec.mpi or spec.torch
    return nodes.nodes if nodes is not None else 1


def _gang_size_in_cel() -> str:
    def with_chief(block: str, counts: str) -> str:
        return f"has(self.{block}) ? {counts} + (self.{block}.chief ? 1 : 0) : "

    return (
        "("
        + with_chief("parameterServer", "self.parameterServer.workers + self.parameterServer.servers")
        + with_chief("multiWorker", "self.multiWorker.workers")
        + "has(self.mpi) ? self.mpi.nodes : has(self.torch) ? self.torch.nodes : 1)"
    )


def _queue() -> Rule[Gang]:
    def broken(gang: Gang) -> Words | None:
        if gang.scheduler is GangScheduler.VOLCANO or (gang.queue is None) != (gang.scheduler is GangScheduler.KUEUE):
            return None
        return ()

    return Rule(
        f"self.scheduler == {literal(GangScheduler.VOLCANO)} || has(self.queue) == ({_IS_KUEUE})",
        broken,
        "kueue needs a queue, volcano may have one, the others have none",
        field="queue",
    )


def _left_to_kueue() -> Rule[Gang]:
    def broken(gang: Gang) -> Words | None:
        given = gang.min_available is not None or gang.timeout_seconds is not None
        return () if gang.scheduler is GangScheduler.KUEUE and given else None

    return Rule(
        f"!({_IS_KUEUE}) || !has(self.minAvailable) && !has(self.timeoutSeconds)",
        broken,
        "kueue admits all pods or none, with a timeout of its own; leave minAvailable and timeoutSeconds out",
    )


def _somebody_waits() -> Rule[Gang]:
    def broken(gang: Gang) -> Words | None:
        idle = gang.scheduler is GangScheduler.NONE and gang.timeout_seconds is None
        return () if idle and gang.min_available is not None else None

    return Rule(
        f"self.scheduler != {literal(GangScheduler.NONE)} || !has(self.minAvailable) || has(self.timeoutSeconds)",
        broken,
        "nobody waits for these pods without timeoutSeconds; give it",
        field="minAvailable",
    )


def _enough_pods() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        wanted = spec.gang.min_available if spec.gang else None
        return None if wanted is None or wanted <= gang_size(spec) else (wanted, gang_size(spec))

    return Rule(
        f"self.?gang.?minAvailable.orValue(1) <= {_gang_size_in_cel()}",
        broken,
        "%d is more than the %d pods that compute; an evaluator, and a launcher that runs no worker, do not count",
        ("self.gang.minAvailable", _gang_size_in_cel()),
        field="gang.minAvailable",
    )


def _group_of_one_size() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        return () if in_kueue(spec) and spec.torch and spec.torch.elastic else None

    return Rule(
        f"!has(self.gang) || self.gang.scheduler != {literal(GangScheduler.KUEUE)} || !has(self.torch) || "
        "!has(self.torch.elastic)",
        broken,
        f"{GangScheduler.KUEUE} keeps the name of a pod until its whole group has ended, so that an elastic job could "
        "replace none; choose another scheduler, or leave torch.elastic out",
        field="gang.scheduler",
    )


GANG_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {Gang: (_queue(), _left_to_kueue(), _somebody_waits())}

SPEC_GANG_RULES: tuple[Rule[TrainingJobSpec], ...] = (_enough_pods(), _group_of_one_size())
