"""Wrong ways to make and delete the TensorBoard of a job, as the planted bugs have them; see `bugs`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tests.simulation.scopes import BOARD
from trainingjob.controller.kube import DEPLOYMENTS, SERVICES
from trainingjob.controller.kube_errors import NotFoundError
from trainingjob.reconcile import Create, Decision

Original = Callable[..., Any]


def show_before_the_word(original: Original, job: Any, plan: Any, children: Any, decision: Decision) -> Decision:
    """Create it although no status speaks of it yet."""
    decision = original(job, plan, children, decision)
    return decision if job.status.tensorboard else _with_board(decision, plan, children)


def _with_board(decision: Decision, plan: Any, children: Any) -> Decision:
    if any(service.name == BOARD for service in children.services):
        return decision
    creates = tuple(Create(item["kind"], item["metadata"]["name"], item, apart=True) for item in plan.tensorboard)
    return replace(decision, actions=(*decision.actions, *creates))


def forget_the_board(original: Original, job: Any, children: Any, decision: Decision, now: Any) -> Decision:
    """Take its word out of the status without deleting it."""
    changed: Decision = original(job, replace(children, tensorboard_gone=True), decision, now)
    return changed


async def delete_any_board(_: Original, client: Any, job: Any, name: str) -> None:
    """Delete whatever has its name."""
    for resource in (SERVICES, DEPLOYMENTS):
        with suppress(NotFoundError):
            await client.delete(resource, job.namespace, name, "", 0)


def show_after_the_outcome(original: Original, job: Any, spec: Any, plan: Any, children: Any, now: Any) -> Decision:
    """Create what is missing of it although the outcome is decided."""
    return _with_board(original(job, spec, plan, children, now), plan, children)
