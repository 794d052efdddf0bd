"""What to tell of a child that the API server did not create, or whose name somebody else has."""

from trainingjob.api.constants import LABEL_JOB
from trainingjob.api.job import TrainingJob
from trainingjob.controller.kube import Object
from trainingjob.controller.kube_errors import KubeError
from trainingjob.controller.observe import controller_of
from trainingjob.controller.pod_groups import explain_refusal
from trainingjob.reconcile import Create, Refusal, RefusalKind


def is_labelled(job: TrainingJob, body: Object) -> bool:
    """Say whether an object says by its label that it is the job's."""
    return bool((body["metadata"].get("labels") or {}).get(LABEL_JOB) == job.name)


def refusal_of(create: Create, error: KubeError) -> Refusal:
    """Return what to remember of a create that was refused."""
    told = explain_refusal(create, error) if create.kind == "PodGroup" else None
    return told or Refusal(create.kind, create.name, _why(error), str(error))


def _why(error: KubeError) -> RefusalKind:
    message = str(error)
    if error.status == 403:
        return RefusalKind.QUOTA if "exceeded quota" in message else RefusalKind.ADMISSION
    # A webhook may refuse with any status of its liking.
    return RefusalKind.ADMISSION if "webhook" in message else RefusalKind.INVALID


def whose_is(job: TrainingJob, create: Create, body: Object) -> str:
    """Return a sentence about an object that has the name of a child and is not the job's to use."""
    owner = controller_of(body)
    start = f"{create.kind} {create.name} exists already and "
    if not owner:
        return start + "was not made by this job; delete or rename one of the two."
    if owner.get("uid") == job.uid:
        return start + f"is this job's, but its label {LABEL_JOB} was changed; set it to {job.name!r} again."
    if owner.get("kind") == "TrainingJob" and owner.get("name") == job.name:
        return start + "belongs to an earlier TrainingJob of this name; it has to go first."
    return start + f"belongs to {owner.get('kind')} {owner.get('name')}; delete or rename one of the two."
