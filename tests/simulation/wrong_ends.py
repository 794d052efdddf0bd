"""Wrong ways to end a job that keeps artifacts, as the planted bugs have them; see `bugs`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trainingjob.api.status import Phase
from trainingjob.controller.kube import PODS
from trainingjob.reconcile import Decision, outcomes
from trainingjob.reconcile.decision import say

Original = Callable[..., Any]


def wait_for_no_upload(original: Original, *args: Any) -> Any:
    """Believe that all has been heard that will be."""
    return replace(original(*args), awaited=(), unseen=())


def outcome_not_stored(original: Original, *args: Any) -> Decision:
    """Say that artifacts are being uploaded, and not how the job will end."""
    decision: Decision = original(*args)
    if decision.status is None or decision.status.phase is not Phase.FINALIZING:
        return decision
    return replace(decision, status=decision.status.model_copy(update={"ending": None}))


async def stop_whoever_has_the_name(_: Original, self: Any, job: Any, stop: Any, _outcome: Any) -> None:
    """End a pod by its name, whatever pod that may be by now."""
    patch: dict[str, Any] = {"metadata": {}, "spec": {"activeDeadlineSeconds": 1}}
    body = await self._client.patch(PODS, job.namespace, stop.name, patch)
    self._remember("Pod", body)


def cancel_whatever_is_decided(original: Original, job: Any, children: Any, now: Any, options: Any) -> Decision:
    """Do what the user asks for although the outcome is stored."""
    if job.spec and job.spec.cancel and job.status.ending and not job.status.finished:
        return say(job, outcomes.cancelled(job, now))
    decision: Decision = original(job, children, now, options)
    return decision
