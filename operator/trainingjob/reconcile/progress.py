"""A job on its way: what is created, what it waits for, how it ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from trainingjob.api.failure_policy import FailureAction
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import FailureClass, Phase
from trainingjob.plan import Plan
from trainingjob.reconcile import interruptions, outcomes
from trainingjob.reconcile.backoff import waits_until
from trainingjob.reconcile.classes import classify
from trainingjob.reconcile.decision import Action, Create, Decision, DeletePod, ReadPod, say
from trainingjob.reconcile.evaluator import evaluator_deadline
from trainingjob.reconcile.failing import SETTLE, Trouble, answer_failures, restart_replicas
from trainingjob.reconcile.failures import cause_of, evidence, explain
from trainingjob.reconcile.gang import groups_left_over, pod_groups, with_timeout
from trainingjob.reconcile.lost_nodes import explain_ending
from trainingjob.reconcile.observed import Children, owned
from trainingjob.reconcile.pending import (
    ORDINARY,
    STARTING,
    Blocker,
    blocking_namesakes,
    explain_waiting,
    slow_container_at,
)
from trainingjob.reconcile.policy import Verdict, judge_failure
from trainingjob.reconcile.preparing import PREPARING
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State, observe_replicas, outdated
from trainingjob.reconcile.stopping import stop_grace
from trainingjob.reconcile.success import Success, find_success


def advance(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime) -> Decision:
    """Decide for a job that may have pods: its end, what follows a failure, or its next pods."""
    replicas = observe_replicas(job, plan, children)
    if success := _success(job, spec, plan, replicas):
        return _conclude(job, spec, replicas, success, now)
    trouble = _trouble(job, replicas, children)
    if trouble.fatal:
        # Who was taken away is looked for, so that the cause is named and not only its effect.
        answer = answer_failures(job, spec, plan, replicas, trouble, now)
        reads = _reads(job, replicas, children)
        if answer.status is None:
            return Decision(reads, wake=answer.wake)
        return say(job, answer.status, reads, answer.wake)
    if evaluators := _to_be_restarted(job, spec, plan, trouble.evaluators):
        why = explain(evidence(job, cause_of(evaluators)))
        verdicts = [_verdict(job, spec, plan, view) for view in evaluators]
        answer = restart_replicas(job, spec, replicas, evaluators, verdicts, why, now)
        if answer.status is not None:
            return say(job, answer.status, wake=answer.wake)
    return with_timeout(job, plan, replicas, _keep_going(job, spec, plan, replicas, children, now), now)


def conclude_at_once(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime
) -> Decision | None:
    """Return the end of a job whose training has succeeded and that may wait for nobody; None for any other."""
    replicas = observe_replicas(job, plan, children)
    success = _success(job, spec, plan, replicas)
    return say(job, outcomes.succeeded(job, replicas, success, now)) if success else None


def _success(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, replicas: ReplicaSet) -> Success | None:
    """Return the success of a job that no earlier failure has decided."""
    success = find_success(spec.success_policy, plan, replicas)
    failed = [view for view in replicas.without(Role.EVALUATOR) if view.state is State.FAILED]
    if success and (job.status.phase is Phase.FINALIZING or not _failed_before(success, failed)):
        return success
    return None


def _trouble(job: TrainingJob, replicas: ReplicaSet, children: Children) -> Trouble:
    leaving = [view for view in replicas if view.live and view.taken_away]
    failed = [view for view in replicas if view.state is State.FAILED]
    silent = (view for view in leaving if _on_silent_node(view))
    lost = [*_lost(job, replicas, children), *silent, *_made_anew(replicas)]
    return Trouble(
        failed=[view for view in failed if view.replica.role is not Role.EVALUATOR],
        lost=[view for view in lost if view.replica.role is not Role.EVALUATOR],
        evaluators=[view for view in (*failed, *lost) if view.replica.role is Role.EVALUATOR],
        leaving=[view for view in leaving if view.replica.role is not Role.EVALUATOR],
    )


def _made_anew(replicas: ReplicaSet) -> list[ReplicaView]:
    """Return the workers whose pods are younger than the look at them with which a launcher began that has failed.

    Before its job begins a pod that somebody takes away is simply made again. Who has lost its worker right after that
    look fails of it, be it before the new pod's program has begun or after.
    """
    launchers = (view for view in replicas.of(Role.LAUNCHER) if view.state is State.FAILED)
    looked = next((view.pod.prepared for view in launchers if view.pod), None)
    if looked is None:
        return []
    return [
        replace(view, state=State.MISSING, pod=None)
        for view in replicas.of(Role.WORKER)
        # Both are whole seconds; no pod serves in the second in which it is made.
        if view.pod and view.pod.created >= looked
    ]


def _on_silent_node(view: ReplicaView) -> bool:
    """Say whether nobody will ever hear of a pod's end; one that is evicted may still save what it has."""
    return classify(view) is FailureClass.NODE_LOST


def _failed_before(success: Success, failed: Sequence[ReplicaView]) -> bool:
    # The workers of a launcher only serve it: when it has ended well, all has. A failure decides nothing before it
    # has settled, so a success that comes meanwhile comes first; nodes' clocks differ by less than that.
    return success.role is not Role.LAUNCHER and any(
        view.ended is not None and view.ended + SETTLE <= success.at for view in failed
    )


def _to_be_restarted(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, evaluators: Sequence[ReplicaView]
) -> list[ReplicaView]:
    """Return the evaluators that may start anew, always alone; the others stay as they are and fail no job."""
    return [view for view in evaluators if _verdict(job, spec, plan, view).action is not FailureAction.FAIL_JOB]


def _verdict(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, view: ReplicaView) -> Verdict:
    return judge_failure(job, spec, plan, view, evidence(job, view))


def _conclude(
    job: TrainingJob, spec: TrainingJobSpec, replicas: ReplicaSet, success: Success, now: datetime
) -> Decision:
    until = evaluator_deadline(job, spec.evaluator_grace_seconds, replicas, now)
    if until is not None:
        return say(job, outcomes.finalizing(job, replicas, until, now), wake=until)
    return say(job, outcomes.succeeded(job, replicas, success, now))


def _keep_going(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, replicas: ReplicaSet, children: Children, now: datetime
) -> Decision:
    old = outdated(job, children)
    removals: tuple[Action, ...] = (*_removals(job, spec, plan, children), *groups_left_over(job, children))
    blocker, wake = _not_yet(job, spec, plan, children, now)
    actions: tuple[Action, ...] = (*_reads(job, replicas, children), *removals)
    if blocker is None:
        actions = (*actions, *_creates(job, plan, replicas, children, {pod.name for pod in old}))
    blocker = blocker or _explain(job, children, replicas, now)
    wake = wake or slow_container_at(replicas, now)
    if not _has_started(job, replicas):
        return say(job, outcomes.pending(job, replicas, blocker, now), actions, wake)
    trouble = None if blocker.reason in ORDINARY else blocker
    return say(job, outcomes.running(job, replicas, trouble, now), actions, wake)


def _explain(job: TrainingJob, children: Children, replicas: ReplicaSet, now: datetime) -> Blocker:
    found = explain_waiting(job, children, replicas, now)
    restarting = job.status.phase is Phase.RESTARTING or job.status.reason == interruptions.REPLICA_RESTARTING
    # Between two containers, and before the program, nothing prepares a pod for a moment.
    prepared = job.status.phase is Phase.PREPARING and found.reason not in PREPARING
    if (restarting or prepared) and found.reason in ORDINARY and not _everything_runs(replicas):
        return Blocker(job.status.reason or found.reason, found.message)
    return found


def _everything_runs(replicas: ReplicaSet) -> bool:
    return all(view.state not in (State.MISSING, State.WAITING) for view in replicas)


def _not_yet(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime
) -> tuple[Blocker | None, datetime | None]:
    """Return why nothing may be created now, and when that changes by itself."""
    if namesake := blocking_namesakes(job, plan, children):
        return namesake, None
    # The reason stays that of the restart: each other word would be one more write.
    reason, message = job.status.reason or STARTING, job.status.message or ""
    if due := waits_until(job, now):
        return Blocker(reason, message), due
    attempt = job.status.attempt or 0
    if old := [pod for pod in owned(job, children.pods) if pod.attempt < attempt]:
        return Blocker(reason, explain_ending(spec, old)), None
    if group := next(iter(groups_left_over(job, children)), None):
        return Blocker(reason, f"The PodGroup {group.name} of the attempt before is being deleted."), None
    return None, None


def _has_started(job: TrainingJob, replicas: ReplicaSet) -> bool:
    if job.status.attempt_start_time:
        return True
    return all(view.state in (State.RUNNING, State.SUCCEEDED) for view in replicas.without(Role.EVALUATOR))


def _creates(
    job: TrainingJob, plan: Plan, replicas: ReplicaSet, children: Children, taken: set[str]
) -> tuple[Create, ...]:
    """Create what is missing and has not run before, or is known to be due again."""
    attempt = job.status.attempt or 0
    kept_free = taken | {view.replica.pod for view in _doubtful(job, replicas)}
    pods = [
        Create("Pod", view.replica.pod, plan.render(view.replica, attempt))
        for view in replicas
        if view.state is State.MISSING and view.replica.pod not in kept_free
    ]
    return (*_supports(job, plan, children, attempt, for_pods=bool(pods)), *pods)


def _reads(job: TrainingJob, replicas: ReplicaSet, children: Children) -> tuple[ReadPod, ...]:
    names = (view.replica.pod for view in _doubtful(job, replicas))
    return tuple(ReadPod(name) for name in names if name not in children.confirmed_missing)


def _removals(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children) -> tuple[DeletePod, ...]:
    """Return the deletes of pods that have had their time, and of those that a smaller number of nodes leaves over."""
    planned = {replica.pod for replica in plan.replicas}
    old = {pod.uid for pod in outdated(job, children)}
    return tuple(
        DeletePod(pod.name, pod.uid, stop_grace(spec, pod))
        for pod in owned(job, children.pods)
        if (pod.uid in old or pod.name not in planned) and not pod.deleting
    )


def _supports(job: TrainingJob, plan: Plan, children: Children, attempt: int, *, for_pods: bool) -> tuple[Create, ...]:
    """Return what must exist before the pods; that a ConfigMap or Secret exists already shows only when it is made."""
    service_name = plan.service["metadata"]["name"]
    has_service = any(s.owner_uid == job.uid and s.name == service_name for s in children.services)
    service = () if has_service else (Create("Service", service_name, plan.service),)
    if not for_pods:
        return service
    config_maps = (Create("ConfigMap", item["metadata"]["name"], item) for item in plan.config_maps)
    secrets = (
        Create("Secret", item.manifest["metadata"]["name"], item.manifest, item.known_as)
        for item in plan.key_secrets(attempt)
    )
    return (*service, *config_maps, *secrets, *pod_groups(plan, attempt))


def _lost(job: TrainingJob, replicas: ReplicaSet, children: Children) -> list[ReplicaView]:
    """Return the replicas that have run in this attempt and whose pods are gone for certain."""
    # A name belongs to one pod at a time: where another owner's pod has it, ours is gone.
    taken = {pod.name for pod in children.pods if pod.owner_uid != job.uid}
    gone = children.confirmed_missing | taken
    return [view for view in _doubtful(job, replicas) if view.replica.pod in gone]


def _doubtful(job: TrainingJob, replicas: ReplicaSet) -> list[ReplicaView]:
    """Return the replicas that have run in this attempt and whose pods are not seen: gone, or missed by the cache."""
    if job.status.attempt_start_time:
        have_run = replicas.views
    elif any(view.pod and view.pod.main.started for view in replicas.of(Role.LAUNCHER)):
        # It begins when every worker serves, whether or not their nodes have told so.
        have_run = replicas.of(Role.WORKER)
    else:
        return []
    return [view for view in have_run if view.state is State.MISSING and not view.due]
