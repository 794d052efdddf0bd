"""The TensorBoard of a job: when it is created, what is said of it, when it is deleted.

`status.tensorboard` is written before anything is created and taken away after everything is deleted, so that nothing
exists of which the stored job knows nothing. The Service comes last and goes first, and its cache is at hand anyway:
where it stands, the Deployment was created. What becomes of that is for its own controller; nothing of it reaches the
job's phase.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import Phase, TensorBoardStatus, TrainingJobStatus
from trainingjob.api.tensorboard import TensorBoard
from trainingjob.api.times import parse_time
from trainingjob.plan import Plan
from trainingjob.plan.names import tensorboard_name
from trainingjob.plan.tensorboard import tensorboard_url
from trainingjob.reconcile.decision import Action, Create, Decision, DeleteTensorBoard
from trainingjob.reconcile.observed import Children, owned

_LONGEST_MESSAGE = 1024
_BEFORE_THE_CLAIM_IS_HELD = frozenset({None, Phase.PENDING, Phase.PREPARING, Phase.RESTARTING, Phase.SUSPENDED})


def is_tensorboards(job: TrainingJob, kind: str, name: str) -> bool:
    """Say whether a child of this kind and name belongs to the job's TensorBoard, which no pod waits for."""
    return kind in ("Deployment", "Service") and name == tensorboard_name(job.name)


def with_tensorboard(job: TrainingJob, plan: Plan, children: Children, decision: Decision) -> Decision:
    """Return the decision for a job on its way with its TensorBoard, that has just been turned on perhaps."""
    if not plan.tensorboard or not _may_create(job, decision.status or job.status):
        return decision
    creates: tuple[Action, ...] = ()
    if job.status.tensorboard and _may_create(job, job.status) and not _is_served(job, children):
        creates = tuple(Create(item["kind"], item["metadata"]["name"], item, apart=True) for item in plan.tensorboard)
    begun = bool(owned(job, children.pods)) or job.status.start_time is not None
    decision = replace(decision, actions=(*decision.actions, *creates))
    if decision.status is None or not (begun or job.status.tensorboard):
        return decision
    return _saying(job, decision, _record(job, children))


def without_tensorboard(job: TrainingJob, children: Children, decision: Decision, now: datetime) -> Decision:
    """Return the decision for any job with what follows for a TensorBoard that is turned off, or whose time is over."""
    if job.status.tensorboard is None:
        return decision
    until = _until(job)
    if not _is_over(job, children, until, now):
        return replace(decision, wake=min(filter(None, (decision.wake, until)), default=None))
    if children.tensorboard_gone:
        return _saying(job, decision, None)
    return replace(decision, actions=(*decision.actions, DeleteTensorBoard(tensorboard_name(job.name))))


def _may_create(job: TrainingJob, status: TrainingJobStatus) -> bool:
    return not (status.finished or status.ending or status.phase is Phase.SUSPENDED or _yields(job, status))


def _yields(job: TrainingJob, status: TrainingJobStatus) -> bool:
    """Say whether the job's pods may still have to get the claim, which perhaps only one pod or node can have."""
    kept_in_claim = job.spec is not None and job.spec.outputs is not None and job.spec.outputs.pvc is not None
    return kept_in_claim and status.phase in _BEFORE_THE_CLAIM_IS_HELD


def _is_served(job: TrainingJob, children: Children) -> bool:
    name = tensorboard_name(job.name)
    return any(s.owner_uid == job.uid and s.name == name and not s.deleting for s in children.services)


def _is_over(job: TrainingJob, children: Children, until: datetime | None, now: datetime) -> bool:
    if not _settings(job).enabled or _yields(job, job.status):
        return True
    # Nothing is created after the end: what nobody can reach then is of no use to anybody.
    return job.status.finished and ((until is not None and now >= until) or not _is_served(job, children))


def _until(job: TrainingJob) -> datetime | None:
    """Return when the TensorBoard of a job that has ended is deleted; it follows from stored times alone."""
    if not job.status.finished or job.status.completion_time is None:
        return None
    return parse_time(job.status.completion_time) + timedelta(seconds=_settings(job).ttl_seconds)


def _settings(job: TrainingJob) -> TensorBoard:
    """Return what is asked for; a job whose stored form no longer validates has what is the default."""
    if job.spec is None:
        return TensorBoard()
    return job.spec.tensorboard or TensorBoard(enabled=False)


def _record(job: TrainingJob, children: Children) -> TensorBoardStatus:
    refused = next((found for found in children.refusals if is_tensorboards(job, found.kind, found.name)), None)
    if refused is None:
        # What an operator before this one was refused stays said until it is there.
        known = None if _is_served(job, children) else job.status.tensorboard
        return known or TensorBoardStatus(url=tensorboard_url(job))
    why = f"{refused.kind} {refused.name} could not be created ({refused.why}): {refused.message}"
    return TensorBoardStatus(message=why[:_LONGEST_MESSAGE])


def _saying(job: TrainingJob, decision: Decision, record: TensorBoardStatus | None) -> Decision:
    """Return the decision that the status says this of the TensorBoard; at once, but for other words of a refusal."""
    before = job.status.tensorboard
    news = (record is None, record and record.url) != (before is None, before and before.url)
    status = (decision.status or job.status).model_copy(update={"tensorboard": record})
    return replace(decision, status=status, urgent=decision.urgent or news)
