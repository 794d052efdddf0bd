"""Bugs that the simulator has to find: each is a small change of the real code, as somebody might make it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch

from tests.simulation import wrong_boards as boards
from tests.simulation import wrong_ends as ends
from tests.simulation.schedule import Incident
from tests.simulation.scopes import BOARD
from trainingjob.api.status import FailureClass, Phase
from trainingjob.controller import cache, executor, tensorboards, worker
from trainingjob.controller.kube import SERVICES
from trainingjob.plan import PlanOptions, plan_job
from trainingjob.reconcile import (
    Create,
    Decision,
    DeletePod,
    cleanup,
    ending,
    evaluator,
    failing,
    failures,
    interruptions,
    policy,
    progress,
    reconciler,
    replicas,
    suspension,
    tensorboard,
)

Original = Callable[..., Any]
Changed = Callable[..., Any]
"""Takes the original and its arguments."""


@dataclass(frozen=True)
class Bug:
    """One change, and where to look for it."""

    name: str
    changes: tuple[tuple[Any, str, Changed], ...]
    """What is changed: module or class, name, and what stands there instead."""
    scopes: tuple[str, ...]
    """The scopes in which it can show itself."""
    acts: tuple[Incident, ...] = ()
    """What else has to happen, all of it in one schedule."""
    values: tuple[tuple[Any, str, Any], ...] = ()
    """What is changed that is no function."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the code have the bug while the block runs."""
        with ExitStack() as stack:
            for target, name, value in self.values:
                stack.enter_context(patch.object(target, name, value))
            for target, name, changed in self.changes:
                original = getattr(target, name)
                stack.enter_context(patch.object(target, name, _bound(changed, original)))
            yield


def _bound(changed: Changed, original: Original) -> Original:
    # A plain function, so that it becomes a method where it stands in a class.
    def call(*args: Any, **kwargs: Any) -> Any:
        return changed(original, *args, **kwargs)

    return call


def after(kind: str, when: str, seconds: float, on: str = "", value: Any = None) -> Incident:
    """Return an incident, in the order in which one says it."""
    return Incident(kind, when, seconds, on, value)


def _without(**left_out: Any) -> Changed:
    """Return a change that puts other values into the status that a function returns."""
    return lambda original, *args, **kwargs: original(*args, **kwargs).model_copy(update=left_out)


def _same(value: Any) -> Changed:
    return lambda _original, *_args, **_kwargs: value


def _no_clean_up(unless: Callable[[Any], bool]) -> Changed:
    return lambda original, job, children: () if unless(job) else original(job, children)


def _delete_any(original: Original, self: Any, job: Any, delete: DeletePod, outcome: Any) -> Any:
    return original(self, job, replace(delete, uid=""), outcome)


def _delete_first(original: Original, job: Any, spec: Any, plan: Any, children: Any, now: Any) -> Decision:
    decision: Decision = original(job, spec, plan, children, now)
    if decision.status is None or (decision.status.attempt or 0) <= (job.status.attempt or 0):
        return decision
    deletes = tuple(DeletePod(pod.name, pod.uid, 30) for pod in children.pods if not pod.deleting)
    return replace(decision, actions=(*decision.actions, *deletes))


def _believe_the_cache(original: Original, job: Any, found: Any, children: Any) -> Any:
    missing = frozenset(view.replica.pod for view in found if view.pod is None)
    return original(job, found, replace(children, confirmed_missing=missing))


def _create_again(original: Original, job: Any, children: Any, now: Any) -> Decision:
    decision: Decision = original(job, children, now)
    if children.pods:
        return decision
    plan = plan_job(job, PlanOptions())
    replica = plan.replicas[0]
    return replace(decision, actions=(*decision.actions, Create("Pod", replica.pod, plan.render(replica, 0))))


def _go_on_after_the_end(_: Original, job: Any, children: Any, now: Any) -> Any:
    return reconciler._decide(job, job.spec, children, now, PlanOptions())


async def _take_for_ours(_: Original, *_args: Any) -> None:
    return None


def _patch_any_version(original: Original, job: Any, status: Any) -> dict[str, Any]:
    return {"status": original(job, status)["status"]}


def _same_attempt(original: Original, job: Any, *args: Any) -> Any:
    return original(job, *args).model_copy(update={"attempt": job.status.attempt})


def _evaluators_count(original: Original, *args: Any) -> Any:
    trouble = original(*args)
    return replace(trouble, failed=(*trouble.failed, *trouble.evaluators), evaluators=())


def _by_phase(_: Original, pod: Any) -> replicas.State:
    words = {"Failed": replicas.State.FAILED, "Succeeded": replicas.State.SUCCEEDED, "Running": replicas.State.RUNNING}
    return words.get(pod.phase, replicas.State.WAITING)


def _whoever_owns(_: Original, _job: Any, pods: Any) -> Any:
    return pods


def _resume_at_once(original: Original, job: Any, spec: Any, _pods: Any, now: Any) -> Any:
    return original(job, spec, (), now)


async def _pods_first(original: Original, self: Any, job: Any, actions: Any) -> Any:
    pods = [action for action in actions if isinstance(action, Create) and action.kind == "Pod"]
    first = await original(self, job, pods)
    second = await original(self, job, [action for action in actions if action not in pods])
    second.created += first.created
    second.trouble = second.trouble or first.trouble
    return second


def _no_wake(original: Original, self: Any, job: Any, memory: Any, decision: Decision, outcome: Any) -> None:
    original(self, job, memory, replace(decision, wake=None), outcome)


def _keep_ghosts(_: Original, self: Any, _scope: str, stored: Any, _version: int) -> None:
    for item in stored:
        self.observe(item)


def _put_whatever(_: Original, self: Any, stored: Any) -> bool:
    known = self.get(stored.namespace, stored.name)
    if known is not None:
        self._drop(known)
    self._insert(stored)
    return True


def _resurrect(_: Original, self: Any, uid: str, version: int) -> bool:
    del self, uid, version
    return False


async def _swallow_trouble(original: Original, self: Any, job: Any, create: Any, outcome: Any) -> None:
    await original(self, job, create, outcome)
    outcome.trouble = None


def _one_more(original: Original, *args: Any) -> int:
    return int(original(*args)) + 1


def _never_again(original: Original, self: Any, job: Any, memory: Any, decision: Any, outcome: Any) -> None:
    memory.refusals = {}
    original(self, job, memory, decision, outcome)


def _from_now_on(_: Original, _job: Any, now: Any) -> Any:
    return now


def _gone_at_conflict(original: Original, self: Any, job: Any, known: Any, delete: Any, *_: Any) -> Any:
    del original, job

    async def forget() -> None:
        self._is_gone(known, delete)

    return forget()


def _forget_successes(_: Original, _status: Any) -> dict[str, frozenset[int]]:
    return {}


def _suspend_keeps_pods(_: Original, _spec: Any, _pods: Any) -> tuple[()]:
    return ()


def _count_back(_: Original, job: Any, *_args: Any) -> dict[str, int]:
    return {"restarts": 1, "disruptions": job.status.disruptions or 0}


def _only_when_started(original: Original, job: Any, replicas_: Any) -> Any:
    return original(job, replicas_) if job.status.attempt_start_time else []


def _last_without_an_end(original: Original, view: Any) -> Any:
    gone, *others = original(view)
    return gone or (view.pod is not None and view.ended is None and not view.taken_away), *others


_RESTARTS: Final = ("one-fails-once", "servers-worker-fails")
_STOP: Final = (after("delete-pod", "phase:Running", 3.0, "worker-0"),)
_SUSPEND: Final = (after("suspend", "phase:Running", 3.0, "", True),)

_ALL: Final = (
    Bug("delete-without-uid", ((executor.Executor, "_delete", _delete_any),), _RESTARTS),
    Bug("count-after-delete", ((reconciler, "advance", _delete_first),), ("one-fails-once", "group-fails-together")),
    Bug(
        "believe-the-cache",
        ((progress, "_lost", _believe_the_cache), (progress, "_reads", _same(()))),
        ("one", "group"),
        (after("hide-pod", "phase:Running", 3.0, "worker-0", 10.0),),
    ),
    Bug(
        "no-clean-up-when-failed",
        ((reconciler, "clean_up", _no_clean_up(lambda job: job.status.phase is Phase.FAILED)),),
        ("servers-fail",),
    ),
    Bug(
        "no-clean-up-at-deadline",
        ((reconciler, "clean_up", _no_clean_up(lambda job: job.status.reason == "DeadlineExceeded")),),
        ("one-deadline",),
    ),
    Bug(
        "no-clean-up-when-cancelled",
        ((reconciler, "clean_up", _no_clean_up(lambda job: job.status.phase is Phase.CANCELLED)),),
        ("one",),
        (after("cancel", "phase:Running", 3.0),),
    ),
    Bug("no-stop-of-what-policy-keeps", ((cleanup, "_must_stop", _same(False)),), ("servers-keep-pods",)),
    Bug(
        "create-after-the-end",
        ((reconciler, "_rest", _create_again),),
        ("one",),
        (after("delete-pod", "phase:Succeeded", 3.0, "worker-0", 0),),
    ),
    Bug(
        "end-is-no-end",
        ((reconciler, "_rest", _go_on_after_the_end),),
        ("one-fails-for-ever",),
        (after("max-restarts", "phase:Failed", 3.0, "", 5),),
    ),
    Bug("existing-is-ours", ((executor.Executor, "_compare", _take_for_ours),), ("one-name-taken",)),
    Bug(
        "status-of-any-version",
        ((worker, "status_patch", _patch_any_version),),
        ("one-fails-once",),
        (
            after("lag", "runs:worker-0", 0.5, "trainingjobs", 30.0),
            after("replace-job", "runs:worker-0", 1.0),
        ),
    ),
    Bug(
        "budget-reset-at-resume",
        ((interruptions, "resumed", _without(restarts=0, disruptions=0)),),
        ("one-fails-once",),
        (after("toggle", "phase:Restarting", 15.0, "", 2.0),),
    ),
    Bug("attempt-not-raised", ((interruptions, "restarting", _same_attempt),), _RESTARTS),
    Bug("restarting-dropped", ((interruptions, "replacing", _without(restarting=None)),), ("servers-worker-fails",)),
    Bug("evaluator-fails-job", ((progress, "_trouble", _evaluators_count),), ("evaluator-never-well",)),
    Bug("success-by-phase", ((replicas, "judge", _by_phase),), ("one-sidecar",)),
    Bug(
        "adopts-by-label",
        tuple((module, "owned", _whoever_owns) for module in (reconciler, progress, replicas, cleanup)),
        ("one",),
        (after("replace-job", "phase:Running", 3.0),),
    ),
    Bug(
        "resumes-beside-old-pods",
        ((reconciler, "resume", _resume_at_once),),
        ("one-slow-end",),
        (after("toggle", "phase:Running", 3.0, "", 12.0),),
    ),
    Bug("pods-before-service", ((executor.Executor, "run", _pods_first),), ("one",)),
    Bug("acts-for-others", (), ("one-foreign",), values=((reconciler, "MANAGED_BY", "example.com/other"),)),
    Bug("no-wake", ((worker.Worker, "_come_back", _no_wake),), _RESTARTS),
    Bug(
        "ghosts-after-410",
        ((cache.ObjectCache, "replace", _keep_ghosts),),
        ("one",),
        (after("gone", "phase:Running", 3.0, "pods", 20.0), after("delete-pod", "phase:Running", 5.0, "worker-0", 0)),
    ),
    Bug(
        "older-overwrites-newer",
        ((cache.ObjectCache, "_put", _put_whatever), (cache.Graveyard, "holds", _resurrect)),
        _RESTARTS,
    ),
    Bug("counted-twice", ((progress, "outdated", _same(())), (replicas, "outdated", _same(()))), _RESTARTS),
    Bug("suspended-keeps-pods", ((suspension, "_delete", _suspend_keeps_pods),), ("one",), _SUSPEND),
    Bug("lost-create-forgotten", ((executor.Executor, "_create", _swallow_trouble),), ("one",)),
    Bug(
        "one-restart-too-many",
        ((failing, "budget_left", _one_more), (policy, "budget_left", _one_more)),
        ("one-fails-for-ever",),
    ),
    Bug("refusal-never-tried-again", ((worker.Worker, "_come_back", _never_again),), ("one-quota",)),
    Bug("evaluator-grace-never-ends", ((evaluator, "_training_ended", _from_now_on),), ("evaluator-for-ever",)),
    Bug("conflict-means-gone", ((executor.Executor, "_look_after", _gone_at_conflict),), _RESTARTS),
    Bug(
        "completed-runs-again",
        ((replicas, "recorded_successes", _forget_successes),),
        ("group",),
        (after("delete-pod", "phase:Running", 25.0, "worker-0"),),
    ),
    Bug("disruption-costs-restart", ((failures, "classify", _same(FailureClass.APP_FAILURE)),), ("one",), _STOP),
    Bug(
        "launcher-pays-for-its-worker",
        ((progress, "_made_anew", _same(())),),
        ("mpi",),
        (after("preempt", "runs:worker-0", 0.5, "worker-0"),),
    ),
    Bug(
        "launcher-runs-without-its-worker",
        ((progress, "_doubtful", _only_when_started),),
        ("mpi",),
        (after("preempt", "runs:launcher-0", 0.0, "worker-0"),),
    ),
    Bug(
        "put-out-but-not-the-cause",
        ((failures, "_cause_key", _last_without_an_end),),
        ("mpi",),
        (after("evict", "phase:Running", 3.0, "worker-0"),),
    ),
    Bug("end-before-the-report", ((ending, "_look", ends.wait_for_no_upload),), ("keeps",)),
    Bug("outcome-not-stored", ((reconciler, "hold_back", ends.outcome_not_stored),), ("keeps-required-hangs",)),
    Bug("stop-without-uid", ((executor.Executor, "_stop", ends.stop_whoever_has_the_name),), ("keeps-all-fails",)),
    Bug(
        "cancel-undoes-the-outcome",
        ((worker, "reconcile", ends.cancel_whatever_is_decided),),
        ("keeps",),
        (after("cancel", "phase:Finalizing", 0.5),),
    ),
    Bug("board-never-deleted", ((tensorboard, "_until", _same(None)),), ("shows",)),
    Bug("board-half-deleted", (), ("shows",), values=((tensorboards, "_IN_ORDER", (SERVICES,)),)),
    Bug("board-before-the-word", ((reconciler, "with_tensorboard", boards.show_before_the_word),), ("shows",)),
    Bug("board-forgotten", ((reconciler, "without_tensorboard", boards.forget_the_board),), ("shows",)),
    Bug(
        "board-deleted-whoever-owns-it", ((executor, "delete_tensorboard", boards.delete_any_board),), ("shows-fails",)
    ),
    Bug(
        "board-after-the-outcome",
        ((reconciler, "finish", boards.show_after_the_outcome),),
        ("shows",),
        (after("delete-service", "phase:Finalizing", 0.1, BOARD),),
    ),
    Bug("restarts-counted-from-one", ((failing, "_counts", _count_back),), ("servers-worker-fails",)),
)
BUGS: Final = {bug.name: bug for bug in _ALL}
