"""The end of a job that keeps artifacts: first its outcome is written, then what was uploaded with the end itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import ConditionType, Ending, FailureClass, Phase, TrainingJobStatus
from trainingjob.api.times import format_time, parse_time
from trainingjob.plan import Plan
from trainingjob.plan.artifacts import replica_name
from trainingjob.reconcile.artifacts import Upload, claim_complete, last_metrics, listed, lost, read_report
from trainingjob.reconcile.classes import classify
from trainingjob.reconcile.conditions import MESSAGE_MAX, Claim, update_conditions
from trainingjob.reconcile.counts import recount_finished
from trainingjob.reconcile.decision import Action, Decision, ReadPod, StopPod, say
from trainingjob.reconcile.observed import Children, owned
from trainingjob.reconcile.outcomes import failure_claims, success_claims
from trainingjob.reconcile.replicas import ReplicaView, State, observe_replicas
from trainingjob.reconcile.writing import closed

UPLOADING = "UploadingArtifacts"
ARTIFACTS_INCOMPLETE = "ArtifactsIncomplete"
PATIENCE = timedelta(seconds=60)
"""What the end waits beyond the times that program and sidecar have: for kubelets to tell."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Where the uploads of a job stand."""

    known: tuple[Upload, ...]
    """Those of which nothing more will be heard, in the plan's order."""
    awaited: tuple[ReplicaView, ...]
    """Those whose sidecars are still at work, or whose programs run."""
    unseen: tuple[ReplicaView, ...]
    """Those whose pods the cache misses."""

    @property
    def over(self) -> bool:
        """Say whether everything is known."""
        return not (self.awaited or self.unseen)


def hold_back(
    job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, decision: Decision, now: datetime
) -> Decision:
    """Return a decision as it is, or in place of a job's end its outcome, while artifacts are being uploaded."""
    status = decision.status
    if status is None or status.phase not in (Phase.SUCCEEDED, Phase.FAILED) or not _uploads(plan):
        return decision
    ending = Ending(
        phase=status.phase.value, reason=status.reason or "", message=status.message or "", time=format_time(now)
    )
    found = _look(job, plan, children)
    if found.over:
        return say(job, _ended(job, spec, status, ending, found.known, now), decision.actions)
    until = _until(spec, plan, ending)
    claims = [Claim(ConditionType.RECONCILING, False, UPLOADING), Claim(ConditionType.RUNNING, False, ending.reason)]
    held = status.model_copy(
        update={
            "phase": Phase.FINALIZING,
            "reason": UPLOADING,
            "message": _waiting_words(ending, until),
            "conditions": update_conditions(job.status.conditions, claims, job.generation, now),
            "completion_time": None,
            "ending": ending,
        }
    )
    return say(job, held, decision.actions, until)


def finish(job: TrainingJob, spec: TrainingJobSpec, plan: Plan, children: Children, now: datetime) -> Decision:
    """Decide for a job whose outcome is stored: nothing is created any more, and nothing changes the outcome."""
    ending = job.status.ending
    if ending is None:
        raise ValueError("the outcome of the job is not stored")
    found = _look(job, plan, children)
    until = _until(spec, plan, ending)
    observed = max(job.generation, job.status.observed_generation)
    status = recount_finished(job.status, owned(job, children.pods)).model_copy(
        update={"observed_generation": observed}
    )
    if found.over or now >= until:
        late = [_lost(plan, job, view, "nothing was heard of it in time") for view in (*found.awaited, *found.unseen)]
        order = [replica_name(view.replica) for view in observe_replicas(job, plan, children)]
        uploads = sorted((*found.known, *late), key=lambda upload: order.index(upload.artifact.name))
        return say(job, _ended(job, spec, status, ending, uploads, now))
    actions: tuple[Action, ...] = (*(ReadPod(view.replica.pod) for view in found.unseen), *_stops(found.awaited))
    return say(job, status, actions, until)


def _uploads(plan: Plan) -> bool:
    return any(map(plan.uploads, plan.replicas))


def _look(job: TrainingJob, plan: Plan, children: Children) -> Uploads:
    """Sort the replicas that upload; one whose program has never begun has nothing to upload."""
    known: list[Upload] = []
    awaited: list[ReplicaView] = []
    unseen: list[ReplicaView] = []
    # A name belongs to one pod at a time: where another owner's pod has it, ours is gone.
    gone = children.confirmed_missing | {pod.name for pod in children.pods if pod.owner_uid != job.uid}
    for view in observe_replicas(job, plan, children):
        if not plan.uploads(view.replica) or not _has_begun(job, view):
            continue
        pod = view.pod
        if pod is None:
            if view.replica.pod in gone:
                known.append(_lost(plan, job, view, "its pod is gone"))
            else:
                unseen.append(view)
        elif pod.artifacts is not None and pod.artifacts.ended and view.state is not State.RUNNING:
            known.append(read_report(replica_name(view.replica), _prefix(plan, job, view), pod.artifacts))
        elif pod.phase in ("Succeeded", "Failed") or classify(view) is FailureClass.NODE_LOST:
            known.append(_lost(plan, job, view, f"its pod has ended ({pod.reason or pod.phase}) without a report"))
        else:
            awaited.append(view)
    return Uploads(tuple(known), tuple(awaited), tuple(unseen))


def _has_begun(job: TrainingJob, view: ReplicaView) -> bool:
    if view.state is State.SUCCEEDED:
        return True
    if view.pod is not None:
        return view.pod.main.started is not None or view.pod.main.ended is not None
    # An evaluator may be missing at any time, and nothing depends on it.
    return job.status.attempt_start_time is not None and view.replica.role is not Role.EVALUATOR


def _stops(awaited: Sequence[ReplicaView]) -> tuple[StopPod, ...]:
    """Return the stops of programs that still run: their sidecars begin with the last upload when they have ended."""
    pods = [view.pod for view in awaited if view.pod and view.pod.main.ended is None]
    return tuple(StopPod(pod.name, pod.uid) for pod in pods if not (pod.stopped or pod.deleting))


def _ended(
    job: TrainingJob,
    spec: TrainingJobSpec,
    status: TrainingJobStatus,
    ending: Ending,
    uploads: Sequence[Upload],
    now: datetime,
) -> TrainingJobStatus:
    """Return the status of a job that ends with what is known of its artifacts."""
    complete = claim_complete(uploads)
    phase, reason, message = Phase(ending.phase), ending.reason, ending.message
    if phase is Phase.SUCCEEDED and not complete.holds and spec.outputs and spec.outputs.required:
        phase, reason = Phase.FAILED, ARTIFACTS_INCOMPLETE
        message = f"The training has succeeded, but outputs.required asks for its artifacts. {complete.message}"
    claims = (success_claims if phase is Phase.SUCCEEDED else failure_claims)(reason, message)
    start = status.start_time
    return status.model_copy(
        update={
            "phase": phase,
            "reason": reason,
            "message": message[:MESSAGE_MAX],
            "conditions": update_conditions(job.status.conditions, [*claims, complete], job.generation, now),
            # A node's clock may run ahead of ours; an end never stands before its start.
            "completion_time": format_time(max(now, parse_time(start)) if start else now),
            "ending": ending,
            "artifacts": listed(uploads),
            "metrics": last_metrics(uploads),
            "restarting": None,
        }
    )


def _until(spec: TrainingJobSpec, plan: Plan, ending: Ending) -> datetime:
    """Return until when the end waits at most; it follows from the stored outcome alone."""
    return parse_time(ending.time) + timedelta(seconds=spec.stop_grace_seconds + plan.flush_seconds) + PATIENCE


def _waiting_words(ending: Ending, until: datetime) -> str:
    return f"{closed(ending.message)} What it has written may be uploaded until {format_time(until)}."[:MESSAGE_MAX]


def _lost(plan: Plan, job: TrainingJob, view: ReplicaView, why: str) -> Upload:
    return lost(replica_name(view.replica), _prefix(plan, job, view), f"{why}; the last manifest in the store counts")


def _prefix(plan: Plan, job: TrainingJob, view: ReplicaView) -> str:
    return plan.artifact_prefix(view.replica, job.status.attempt or 0)
