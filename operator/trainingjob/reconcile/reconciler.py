"""One look at a job: what should be done, what should be said of it, when to look again."""

from collections.abc import Sequence
from datetime import datetime

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import Phase, TrainingJobStatus
from trainingjob.plan import Plan, PlanOptions, PlanRefusedError, plan_job
from trainingjob.reconcile import outcomes
from trainingjob.reconcile.cleanup import clean_up
from trainingjob.reconcile.counts import recount_finished
from trainingjob.reconcile.decision import Action, Create, Decision, DeletePod, ReadPod
from trainingjob.reconcile.evaluator import evaluator_deadline
from trainingjob.reconcile.failures import cause_of, describe_failure, explain
from trainingjob.reconcile.observed import Children, owned
from trainingjob.reconcile.pending import ORDINARY, blocking_namesakes, explain_waiting, slow_container_at
from trainingjob.reconcile.replicas import ReplicaSet, ReplicaView, State, observe_replicas
from trainingjob.reconcile.settling import settles_until
from trainingjob.reconcile.success import Success, find_success


def reconcile(job: TrainingJob, children: Children, now: datetime, options: PlanOptions) -> Decision:
    """Decide what to do for a job; everything follows from the arguments.

    Args:
        job: the stored job.
        children: what is known of the pods and Services around its name.
        now: the time, in UTC.
        options: what the operator's configuration decides about pods.
    """
    if job.deleting:
        return Decision()
    if job.status.finished:
        status = recount_finished(job.status, owned(job, children.pods))
        # With the last pod gone the status will not change again: the last word need not wait for another.
        last_word = not any(counts.active for counts in (status.replicas or {}).values())
        return Decision(clean_up(job, children), status, urgent=last_word)
    if job.spec is None or job.problem:
        return _say(job, outcomes.stalled(job, "InvalidSpec", job.problem, now))
    try:
        plan = plan_job(job, options)
    except PlanRefusedError as refusal:
        return _say(job, outcomes.stalled(job, refusal.reason, str(refusal), now))
    return _advance(job, job.spec, plan, children, now)


def _advance(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime) -> Decision:
    replicas = observe_replicas(job, plan, children)
    lost = _lost(job, replicas, children)
    failed = _failed(replicas)
    success = find_success(spec.success_policy, plan, replicas)
    if success and (job.status.phase is Phase.FINALIZING or not _failed_before(success, failed)):
        return _conclude(job, spec, replicas, success, now)
    if failed or lost:
        return _give_up(job, replicas, children, failed, lost, now)
    return _keep_going(job, spec, plan, replicas, children, now)


def _failed(replicas: ReplicaSet) -> list[ReplicaView]:
    """Return the replicas whose failure is the job's; one that the others can do without may be taken away."""
    return [
        view
        for view in replicas.without(Role.EVALUATOR)
        if view.state is State.FAILED and not (view.replaceable and view.taken_away)
    ]


def _failed_before(success: Success, failed: Sequence[ReplicaView]) -> bool:
    # The workers of a launcher only serve it: when it has ended well, all has.
    return success.role is not Role.LAUNCHER and any(
        view.ended is not None and view.ended < success.at for view in failed
    )


def _conclude(
    job: TrainingJob, spec: TrainingJobSpec, replicas: ReplicaSet, success: Success, now: datetime
) -> Decision:
    until = evaluator_deadline(job, spec.evaluator_grace_seconds, replicas, now)
    if until is not None:
        return _say(job, outcomes.finalizing(job, replicas, until, now), wake=until)
    return _say(job, outcomes.succeeded(job, replicas, success, now))


def _give_up(
    job: TrainingJob,
    replicas: ReplicaSet,
    children: Children,
    failed: Sequence[ReplicaView],
    lost: Sequence[ReplicaView],
    now: datetime,
) -> Decision:
    # Who was taken away is looked for, so that the cause is named and not only its effect.
    reads = _reads(job, replicas, children) if job.status.start_time else ()
    leaving = [view for view in replicas.without(Role.EVALUATOR) if view.live and view.taken_away]
    cause = cause_of([*failed, *lost, *leaving])
    why = explain(describe_failure(cause, job.status.attempt or 0))
    until = settles_until(job, replicas, now)
    if until is not None:
        return _say(job, outcomes.settling(job, replicas, lost, why, until, now), reads, until)
    return _say(job, outcomes.failed(job, replicas, lost, why, now), reads)


def _keep_going(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, replicas: ReplicaSet, children: Children, now: datetime
) -> Decision:
    namesake = blocking_namesakes(job, plan, children)
    actions = () if namesake else _missing(job, plan, replicas, children)
    blocker = namesake or explain_waiting(job, children, replicas, now)
    actions = (*actions, *_surplus(job, spec, plan, children))
    if not _has_started(job, replicas):
        return _say(job, outcomes.pending(job, replicas, blocker, now), actions, slow_container_at(replicas, now))
    trouble = None if blocker.reason in ORDINARY else blocker
    return _say(job, outcomes.running(job, replicas, trouble, now), actions, slow_container_at(replicas, now))


def _has_started(job: TrainingJob, replicas: ReplicaSet) -> bool:
    if job.status.start_time:
        return True
    return all(view.state in (State.RUNNING, State.SUCCEEDED) for view in replicas.without(Role.EVALUATOR))


def _missing(job: TrainingJob, plan: Plan, replicas: ReplicaSet, children: Children) -> tuple[Action, ...]:
    """Create what is missing; once the job has started only what it can go on without, the rest is looked for first."""
    attempt = job.status.attempt or 0
    pods = [
        Create("Pod", view.replica.pod, plan.render(view.replica, attempt))
        for view in replicas
        if view.state is State.MISSING and _may_be_created(job, view)
    ]
    return (
        *_reads(job, replicas, children),
        *_supports(job, plan, children, attempt, for_pods=bool(pods)),
        *pods,
    )


def _may_be_created(job: TrainingJob, view: ReplicaView) -> bool:
    return not job.status.start_time or view.replica.role is Role.EVALUATOR or view.replaceable


def _reads(job: TrainingJob, replicas: ReplicaSet, children: Children) -> tuple[ReadPod, ...]:
    return tuple(
        ReadPod(view.replica.pod)
        for view in replicas
        if view.state is State.MISSING
        and not _may_be_created(job, view)
        and view.replica.pod not in children.confirmed_missing
    )


def _surplus(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children) -> tuple[DeletePod, ...]:
    """Return the deletes of the pods that a smaller number of nodes leaves over."""
    planned = {replica.pod for replica in plan.replicas}
    return tuple(
        DeletePod(pod.name, pod.uid, spec.stop_grace_seconds)
        for pod in owned(job, children.pods)
        if pod.name not in planned and not pod.deleting
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
    return (*service, *config_maps, *secrets)


def _lost(job: TrainingJob, replicas: ReplicaSet, children: Children) -> list[ReplicaView]:
    """Return the replicas that have run and whose pods are gone for certain."""
    if not job.status.start_time:
        return []
    # A name belongs to one pod at a time: where another owner's pod has it, ours is gone.
    taken = {pod.name for pod in children.pods if pod.owner_uid != job.uid}
    gone = children.confirmed_missing | taken
    return [
        view
        for view in replicas
        if view.state is State.MISSING and view.replica.pod in gone and not _may_be_created(job, view)
    ]


def _say(
    job: TrainingJob, status: TrainingJobStatus, actions: tuple[Action, ...] = (), wake: datetime | None = None
) -> Decision:
    return Decision(actions, status, urgent=_core(status) != _core(job.status), wake=wake)


def _core(status: TrainingJobStatus) -> tuple[object, ...]:
    """Return what must be written at once when it changes; the rest are counts and wording."""
    conditions = tuple((c.type, c.status, c.reason) for c in status.conditions or [])
    failures = tuple((f.pod, f.attempt) for f in status.failures or [])
    return status.observed_generation, status.phase, status.reason, conditions, failures, status.start_time
