"""What an earlier attempt or job has left: a container that brings it into the pod before the program starts."""

from trainingjob.api.job import TrainingJob
from trainingjob.api.resume import ResumeFrom
from trainingjob.contract import names
from trainingjob.contract.tasks import RestoreArtifact
from trainingjob.plan.accelerators import runs_the_program
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.artifacts import Uploads, outputs_claim, replica_name, run_folder, store_base
from trainingjob.plan.model import Manifest, PlanRefusedError, Replica
from trainingjob.plan.own_containers import (
    Attachment,
    claim,
    credentials,
    mounts_of,
    own_container,
    plain_variables,
    proxy_variables,
    scratch,
)

_USE = "resume"
_CLAIM = "pvc://"
_FOLDER = scratch("resume", names.RESUME)


def add_resume(pods: RolePods, uploads: Uploads) -> tuple[Addition, ...]:
    """Return what brings the artifact into the pods of a role, and tells their program where it is.

    Raises:
        PlanRefusedError: ResumeFromElsewhere, for a claim of another namespace.
    """
    spec = pods.spec
    restores = spec.outputs is not None and spec.outputs.restore
    if not restores and spec.resume_from is None:
        return ()
    told = Addition(variables=plain_variables({"TRAININGJOB_RESUME": names.RESUME}))
    if not runs_the_program(spec, pods.role):
        return (told,)
    secret = _secret(pods)
    claims = _claims(spec.resume_from, restores, uploads)
    needed = (*((secret,) if secret else ()), *claims)
    prefixes = tuple(_prefixes(pods.job, spec.resume_from, restores, uploads))

    def restore(replica: Replica, _attempt: int) -> Manifest:
        task = RestoreArtifact(
            prefixes=prefixes,
            replica=replica_name(replica if uploads.uploads(replica) else uploads.primary),
            logs=next(iter(uploads.outputs.stream), "") if uploads.outputs else "",
            target=names.RESUME,
            required=spec.resume_from is not None,
            credentials=secret.path if secret else "",
        )
        mounts = [_FOLDER.mount, *mounts_of(needed)]
        return own_container(names.RESTORE_ARTIFACT, pods.own_image, task, mounts, proxy_variables(pods.chosen.env))

    added = Addition(
        volumes=(_FOLDER.volume, *(attachment.volume for attachment in needed)),
        mounts=({**_FOLDER.mount, "readOnly": True},),
        container=restore,
    )
    return told, added


def _prefixes(job: TrainingJob, resume: ResumeFrom | None, restores: bool, uploads: Uploads) -> list[str]:
    """Return where an artifact is looked for, the best place first: what the job itself has left."""
    base = store_base(uploads.outputs) if uploads.outputs else ""
    found = [f"{base}/{run_folder(job.namespace, job.name, job.uid)}/*"] if restores else []
    if resume is not None and resume.job is not None:
        found.append(f"{base}/{run_folder(job.namespace, resume.job.name, resume.job.uid)}/*")
    if resume is not None and resume.uri is not None:
        found.append(_resolved(job, resume.uri).rstrip("/"))
    return found


def _resolved(job: TrainingJob, uri: str) -> str:
    """Return an artifact's address as the container finds it."""
    if not uri.startswith(_CLAIM):
        return uri
    namespace, claim_name, path = uri.removeprefix(_CLAIM).split("/", 2)
    if namespace != job.namespace:
        raise PlanRefusedError(
            "ResumeFromElsewhere",
            f"spec.resumeFrom.uri: the claim {claim_name} is in the namespace {namespace}, and pods of "
            f"{job.namespace} can mount none of it; copy the artifact to where both can read it.",
        )
    return f"file://{claim(_USE, claim_name, read_only=True).path}/{path}"


def _claims(resume: ResumeFrom | None, restores: bool, uploads: Uploads) -> tuple[Attachment, ...]:
    """Return the claims in which an artifact is looked for."""
    in_outputs = restores or (resume is not None and resume.job is not None)
    own = outputs_claim(uploads.outputs, read_only=True) if in_outputs and uploads.outputs else None
    uri = resume.uri if resume and resume.uri else ""
    named = (claim(_USE, uri.split("/")[3], read_only=True),) if uri.startswith(_CLAIM) else ()
    return (*((own,) if own else ()), *named)


def _secret(pods: RolePods) -> Attachment | None:
    resume, outputs = pods.spec.resume_from, pods.spec.outputs
    reference = (resume and resume.secret_ref) or (outputs and outputs.secret_ref)
    return credentials(_USE, reference.name) if reference else None
