"""Whether the operator may send what it sends: invariants 2, 3, 5, 8, 11 and 12."""

from collections.abc import Iterator, Mapping

from trainingjob.api.constants import KIND, LABEL_JOB_UID
from trainingjob.testing.counting import Finding
from trainingjob.testing.records import TERMINAL, JobRecord, PodRecord, counts
from trainingjob.testing.writes import CHILDREN, Write

_STOPPED = {"activeDeadlineSeconds": 1}
"""The only change of a child: it ends a pod's programs, and the pod stays."""


class Known:
    """What a request is judged by."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobRecord] = {}
        """By uid; also those that are gone."""
        self.current: dict[tuple[str, str], JobRecord] = {}
        """The job that has a namespace and name, or had it last."""
        self.pods: dict[str, PodRecord] = {}
        """By uid; also those that are gone."""
        self.owners: dict[str, str] = {}
        """The uid of the TrainingJob that controls each child, by the child's uid; empty where none does."""


def check_write(known: Known, write: Write) -> Iterator[Finding]:
    """Yield what is wrong with a request, whatever became of it."""
    if write.verb == "delete" and not write.uid:
        yield 3, f"{write} does not say which uid it means."
    job = _target(known, write)
    if job is not None and job.foreign:
        yield 12, f"{write} was sent although {job.spec.get('managedBy')} manages job {job}."
    if write.resource == "trainingjobs":
        yield from _job_write(job, write)
    elif write.verb == "create":
        yield from _creation(job, write)
    elif write.verb == "delete":
        yield from _deletion(known, job, write)
    elif write.verb == "patch" and write.resource == "pods" and (write.body or {}).get("spec") == _STOPPED:
        yield from _stop(known, job, write)
    else:
        yield 2, f"{write} was sent; children are created and deleted, never changed otherwise."


def _target(known: Known, write: Write) -> JobRecord | None:
    """Return the job that a request is about."""
    if write.resource == "trainingjobs":
        return known.current.get((write.namespace, write.name))
    if write.verb == "create":
        return known.jobs.get(_controller(write))
    return known.jobs.get(known.owners.get(write.uid or _meant(write), ""))


def _meant(write: Write) -> str:
    """Return the uid of the object that a patch means."""
    return str(((write.body or {}).get("metadata") or {}).get("uid", ""))


def _controller(write: Write) -> str:
    metadata = (write.body or {}).get("metadata") or {}
    owners = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    return str(owners[0].get("uid", "")) if len(owners) == 1 and owners[0].get("kind") == KIND else ""


def _job_write(job: JobRecord | None, write: Write) -> Iterator[Finding]:
    if write.verb == "delete":
        if write.done and job is not None and job.uid == write.uid and job.phase not in TERMINAL:
            yield 6, f"{write}: the operator deleted job {job} before it had ended ({job.phase or 'no phase'})."
        return
    meant: Mapping[str, object] = (write.body or {}).get("metadata") or {}
    if not (meant.get("uid") and meant.get("resourceVersion")):
        yield 11, f"{write} does not say which uid and version it means: another job of the name would get it."
    if write.subresource != "status":
        yield 2, f"{write} changes the job itself and not its status."


def _creation(job: JobRecord | None, write: Write) -> Iterator[Finding]:
    if job is None:
        yield 2, f"{write} has no known job as its controller, but {_controller(write) or 'nobody'}."
        return
    labels = ((write.body or {}).get("metadata") or {}).get("labels") or {}
    if (job.namespace, labels.get(LABEL_JOB_UID)) != (write.namespace, job.uid):
        yield 2, f"{write} belongs to job {job}, and its namespace or labels say something else."
    if write.job and write.job != job.uid:
        yield 2, f"{write} belongs to job {job}, and was sent for {write.job}."
    if write.resource == "pods" and (why := job.forbidden.get(write.basis)):
        yield 5, f"{write} was sent for job {job} when it was known that {why}."


def _deletion(known: Known, job: JobRecord | None, write: Write) -> Iterator[Finding]:
    if write.uid not in known.owners:
        return
    owner = known.owners[write.uid]
    if job is None or (write.job and write.job != owner):
        yield 2, f"{write} ({write.uid}) belongs to {owner or 'nobody'}, and was not the operator's to delete."
        return
    pod = known.pods.get(write.uid)
    if write.resource not in CHILDREN or pod is None or not write.done:
        return
    if not (_may_be_deleted(job, pod) or (write.grace_seconds == 0 and pod.deleting)):
        told = f"{_story(job, pod)}, judged at version {write.at}"
        yield 8, f"{write} was sent before the status of job {job} said that the pod has had its time: {told}."


def _story(job: JobRecord, pod: PodRecord) -> str:
    """Return what the judge knew of a pod and its job, for who has to find out what came too early."""
    version, attempt = job.body["metadata"]["resourceVersion"], job.status.get("attempt")
    deleting = ", being deleted already" if pod.deleting else ""
    return (
        f"pod {pod.uid} of attempt {pod.attempt}{deleting}, job in phase {job.phase or 'none'} and attempt {attempt} "
        f"at version {version}"
    )


def _stop(known: Known, job: JobRecord | None, write: Write) -> Iterator[Finding]:
    """Yield what is wrong with a patch that ends a pod and lets it stay."""
    uid = _meant(write)
    if not uid:
        yield 3, f"{write} does not say which uid it means."
    elif uid in known.owners and (job is None or (write.job and write.job != job.uid)):
        yield 2, f"{write} ({uid}) belongs to {known.owners[uid] or 'nobody'}, and was not the operator's to end."
    elif write.done and job is not None and "ending" not in job.status and job.phase not in TERMINAL:
        yield 8, f"{write} was sent before the status of job {job} said what has become of it."


def _may_be_deleted(job: JobRecord, pod: PodRecord) -> bool:
    """Say whether the stored status lets a pod be deleted: everything is written down before it is done."""
    if job.phase in TERMINAL or job.phase == "Suspended" or job.gone:
        return True
    status = job.status
    if pod.attempt < (status.get("attempt") or 0) or pod.uid in job.counted:
        return True
    wanted = min(job.fewest.get(pod.role, 0), counts(job.spec).get(pod.role, 0))
    return pod.index.isdecimal() and int(pod.index) >= wanted
