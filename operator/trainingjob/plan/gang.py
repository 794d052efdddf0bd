"""Gangs: which pods are placed together, and what their scheduler is told of them.

The pods that count are those that compute. An evaluator works beside the training, and a launcher that runs no worker
waits for the workers: both belong to no PodGroup, so that neither takes a worker's place in the count. All pods are
made at the same moment, so nobody waits for a pod that waits for the group. Kueue counts what the whole job uses, the
launcher with it, and holds back every pod until it has room for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainingjob.api.gang import Gang, GangScheduler
from trainingjob.api.gang_rules import gang_size, in_kueue
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.metadata import child_metadata, job_labels
from trainingjob.plan.model import GangPlan, Manifest, Replica
from trainingjob.plan.names import gang_name
from trainingjob.plan.quantities import add_quantities

VOLCANO_API = "scheduling.volcano.sh/v1beta1"
COSCHEDULING_API = "scheduling.x-k8s.io/v1alpha1"
POD_GROUP_APIS: Mapping[GangScheduler, str] = {
    GangScheduler.VOLCANO: VOLCANO_API,
    GangScheduler.COSCHEDULING: COSCHEDULING_API,
}
"""The API of PodGroup, for the schedulers that have one."""

SCHEDULER_NAMES: Mapping[GangScheduler, str] = {
    GangScheduler.VOLCANO: "volcano",
    GangScheduler.COSCHEDULING: "scheduler-plugins-scheduler",
}
"""What each calls itself where its own chart installed it; `schedulerName` of a job says otherwise."""

_VOLCANO_GROUP = "scheduling.k8s.io/group-name"
_VOLCANO_QUEUE = "scheduling.volcano.sh/queue-name"
_COSCHEDULING_GROUP = "scheduling.x-k8s.io/pod-group"
_KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
_KUEUE_GROUP = "kueue.x-k8s.io/pod-group-name"
_KUEUE_COUNT = "kueue.x-k8s.io/pod-group-total-count"
_KUEUE_RETRIABLE = "kueue.x-k8s.io/retriable-in-group"
KUEUE_GATE = "kueue.x-k8s.io/admission"


@dataclass(frozen=True, slots=True)
class PodGroupReference:
    """Which PodGroup an attempt of a job has."""

    api_version: str
    name: str


def pod_group_of(job: TrainingJob, gang: Gang | None, attempt: int) -> PodGroupReference | None:
    """Return the PodGroup of an attempt; None for a gang without one."""
    api = POD_GROUP_APIS.get(gang.scheduler) if gang else None
    return PodGroupReference(api, gang_name(job.name, job.uid, attempt)) if api else None


def counts(spec: TrainingJobSpec, role: Role) -> bool:
    """Say whether the replicas of a role are among those that are placed together."""
    if role is Role.LAUNCHER:
        return spec.mpi is not None and spec.mpi.launcher_runs_worker
    return role is not Role.EVALUATOR


def queue_of(spec: TrainingJobSpec | None) -> str:
    """Return the name of the queue in which Kueue holds back the pods of a job; empty for every other job."""
    return spec.gang.queue or "" if spec and spec.gang and in_kueue(spec) else ""


def keeps_names(spec: TrainingJobSpec, role: Role) -> bool:
    """Say whether the pod of a role keeps its name until all others of its group have ended, as Kueue wants it."""
    return in_kueue(spec) and role is not Role.EVALUATOR


def plan_gang(
    job: TrainingJob, spec: TrainingJobSpec, replicas: Sequence[Replica], resources: Mapping[Role, Manifest]
) -> GangPlan | None:
    """Return how the pods of a job are placed together; `resources` are those of each role's container."""
    gang = spec.gang
    if gang is None:
        return None
    least = gang.min_available or _least(spec)

    def pod_groups(attempt: int) -> tuple[Manifest, ...]:
        reference = pod_group_of(job, gang, attempt)
        if reference is None:
            return ()
        members = [resources[replica.role] for replica in replicas if counts(spec, replica.role)]
        return (_pod_group(job, spec, gang, reference, least, members[:least]),)

    # What the scheduler's own timeout does need not be done twice.
    own_timeout = None if gang.scheduler is GangScheduler.COSCHEDULING else gang.timeout_seconds
    return GangPlan(
        counts=lambda role: counts(spec, role), least=least, timeout_seconds=own_timeout, pod_groups=pod_groups
    )


def _least(spec: TrainingJobSpec) -> int:
    return spec.torch.elastic.min_nodes if spec.torch and spec.torch.elastic else gang_size(spec)


def _pod_group(
    job: TrainingJob,
    spec: TrainingJobSpec,
    gang: Gang,
    reference: PodGroupReference,
    least: int,
    members: list[Manifest],
) -> Manifest:
    own: Manifest
    if gang.scheduler is GangScheduler.VOLCANO:
        resources = _sum(members) or None
        own = {"minResources": resources, "queue": gang.queue, "priorityClassName": spec.priority_class_name}
    else:
        # No minResources: a group that the plugin rejects for them is not looked at again when another's pods end.
        own = {"scheduleTimeoutSeconds": gang.timeout_seconds}
    fields = {"minMember": least, **own}
    return {
        "apiVersion": reference.api_version,
        "kind": "PodGroup",
        "metadata": child_metadata(job, reference.name, job_labels(job)),
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def _sum(members: list[Manifest]) -> dict[str, str]:
    """Return what pods ask for together; a limit without a request is one, as Kubernetes has it."""
    asked = [{**member.get("limits", {}), **member.get("requests", {})} for member in members]
    names = sorted({name for amounts in asked for name in amounts})
    return {name: add_quantities(amounts[name] for amounts in asked if name in amounts) for name in names}


def join_gang(job: TrainingJob, spec: TrainingJobSpec, pod: Manifest, replica: Replica, attempt: int) -> None:
    """Write into a pod's manifest what the scheduler of its gang reads there."""
    gang = spec.gang
    if gang is None or gang.scheduler is GangScheduler.NONE:
        return
    labels, annotations = pod["metadata"]["labels"], pod["metadata"]["annotations"]
    name = gang_name(job.name, job.uid, attempt)
    if gang.scheduler is GangScheduler.KUEUE:
        _join_kueue(spec, pod, replica, gang.queue or "", name)
        return
    pod["spec"].setdefault("schedulerName", SCHEDULER_NAMES[gang.scheduler])
    if not counts(spec, replica.role):
        # Volcano makes a group of its own for such a pod, in the queue that the pod names.
        if gang.scheduler is GangScheduler.VOLCANO and gang.queue:
            annotations[_VOLCANO_QUEUE] = gang.queue
    elif gang.scheduler is GangScheduler.VOLCANO:
        annotations[_VOLCANO_GROUP] = name
    else:
        labels[_COSCHEDULING_GROUP] = name


def _join_kueue(spec: TrainingJobSpec, pod: Manifest, replica: Replica, queue: str, name: str) -> None:
    labels, annotations = pod["metadata"]["labels"], pod["metadata"]["annotations"]
    labels[_KUEUE_QUEUE] = queue
    # Kueue adds the gate as well; where it does not look, the job waits visibly and runs beside no quota.
    pod["spec"]["schedulingGates"] = [{"name": KUEUE_GATE}]
    if replica.role is Role.EVALUATOR:
        # It starts anew alone, which a pod of a group cannot.
        return
    launcher = 1 if spec.mpi is not None and not spec.mpi.launcher_runs_worker else 0
    labels[_KUEUE_GROUP] = name
    annotations[_KUEUE_COUNT] = str(gang_size(spec) + launcher)
    # Kueue lets go of the pods of such a group when none runs any more. Of any other it keeps a pod, and so its name,
    # until a pod of another name has taken its place.
    annotations[_KUEUE_RETRIABLE] = "false"
