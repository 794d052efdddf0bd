"""When a job has succeeded: its success policy, judged by the main containers."""

from dataclasses import dataclass
from datetime import UTC, datetime

from trainingjob.api.spec import Role, SuccessPolicy
from trainingjob.plan.model import Plan
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State

_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Success:
    """The replicas that the policy asks for have all succeeded."""

    at: datetime
    """When the last of them ended; the earliest time there is when no pod tells any more."""
    role: Role
    """The role that was asked."""
    reason: str
    message: str


def find_success(policy: SuccessPolicy, plan: Plan, replicas: ReplicaSet) -> Success | None:
    """Return the success of a job whose success policy holds, else None."""
    needed = _needed(policy, plan, replicas)
    if any(view.state is not State.SUCCEEDED for view in needed):
        return None
    at = max(view.ended or _UNKNOWN for view in needed)
    if len(needed) == 1:
        return Success(
            at, needed[0].replica.role, "PrimarySucceeded", f"Pod {needed[0].replica.pod} ended with exit code 0."
        )
    return Success(at, Role.WORKER, "AllWorkersSucceeded", f"All {len(needed)} workers ended with exit code 0.")


def _needed(policy: SuccessPolicy, plan: Plan, replicas: ReplicaSet) -> tuple[ReplicaView, ...]:
    if policy is SuccessPolicy.ALL_WORKERS:
        return replicas.of(Role.CHIEF, Role.WORKER)
    return (replicas.view(plan.primary),)
