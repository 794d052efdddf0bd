"""Whether new objects may be there: invariants 1, 2, 4 and 5."""

from collections.abc import Iterator

from trainingjob.api.constants import KIND, LABEL_JOB, LABEL_JOB_UID, TENSORBOARD_SUFFIX
from trainingjob.testing.counting import Finding
from trainingjob.testing.records import TERMINAL, JobRecord, PodRecord, Seen


def check_new_child(resource: str, body: Seen) -> Iterator[Finding]:
    """Yield what is wrong with the owner of an object that says by its labels that a job has made it."""
    metadata = body["metadata"]
    labels = metadata.get("labels")
    if not labels or LABEL_JOB_UID not in labels:
        return
    owners = [owner for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    what = f"{resource} {metadata['namespace']}/{metadata['name']}"
    if len(owners) != 1 or owners[0].get("kind") != KIND:
        yield 2, f"{what} has no {KIND} as its controller."
    elif (owners[0]["uid"], owners[0]["name"]) != (labels[LABEL_JOB_UID], labels.get(LABEL_JOB)):
        yield 2, f"{what} belongs to job {owners[0]['name']} ({owners[0]['uid']}), and its labels name another."


def check_new_tensorboard(job: JobRecord, resource: str, body: Seen) -> Iterator[Finding]:
    """Yield why a new child of a job, if it is one of its TensorBoard's two, may not be there."""
    name = body["metadata"]["name"]
    if resource not in ("deployments", "services") or name != f"{job.name}{TENSORBOARD_SUFFIX}":
        return
    if job.phase in TERMINAL or "ending" in job.status:
        yield 5, f"{resource} {name} was created for job {job}, whose outcome is decided ({job.phase})."
    elif "tensorboard" not in job.status:
        yield 5, f"{resource} {name} was created for job {job}, whose status does not speak of it."


def check_new_pod(job: JobRecord, pod: PodRecord, body: Seen) -> Iterator[Finding]:
    """Yield why a job's new pod may not be there."""
    twins = [other for other in job.slots[pod.role, pod.index] if other.live]
    if len(twins) > 1:
        yield 1, f"Job {job} has {len(twins)} live pods for {pod.role} {pod.index}: {', '.join(p.name for p in twins)}."
    if job.phase in TERMINAL or job.phase == "Suspended":
        yield 5, f"Pod {pod.name} was created for job {job}, whose phase is {job.phase}."
    elif "ending" in job.status:
        yield 5, f"Pod {pod.name} was created for job {job}, whose outcome is decided."
    for resource, name in needs(job, body):
        if (resource, name) not in job.children:
            yield 4, f"Pod {pod.name} of job {job} was created before {resource} {name}, which it needs."


def needs(job: JobRecord, pod: Seen) -> Iterator[tuple[str, str]]:
    """Yield resource and name of what a pod needs of its job's other children."""
    spec = pod["spec"]
    if service := spec.get("subdomain"):
        yield "services", service
    # The names of a job's own ConfigMaps and Secrets begin so; its user's have to care for themselves.
    own = f"{job.name}-{job.uid[:8]}-"
    for resource, name in _referred(spec):
        if name.startswith(own):
            yield resource, name


def _referred(spec: Seen) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            if found := source.get("configMap"):
                yield "configmaps", found["name"]
            if found := source.get("secret"):
                yield "secrets", found.get("secretName") or found["name"]
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            source = variable.get("valueFrom")
            if not source:
                continue
            if found := source.get("configMapKeyRef"):
                yield "configmaps", found["name"]
            if found := source.get("secretKeyRef"):
                yield "secrets", found["name"]
