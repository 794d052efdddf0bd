"""The TensorBoard of a job: a Deployment and a Service that stand beside it and of which no pod depends.

Its pod has two containers. Ours copies the event files from the store into a folder; with it stay the store's address,
claim and credentials, so that every store that outputs can be kept in can be read. TensorBoard reads that folder.
"""

from typing import Final

from trainingjob.api.constants import LABEL_TENSORBOARD, LABEL_TENSORBOARD_UID, TENSORBOARD_PORT
from trainingjob.api.job import TrainingJob
from trainingjob.api.outputs import Outputs
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.contract import names
from trainingjob.contract.tasks import MirrorEvents
from trainingjob.plan.artifacts import needed_for_outputs, run_folder, store_base
from trainingjob.plan.metadata import child_metadata, job_labels
from trainingjob.plan.model import Manifest, PlanOptions
from trainingjob.plan.names import tensorboard_name
from trainingjob.plan.own_containers import (
    CONFINED,
    SIDECAR_ID,
    Attachment,
    mounts_of,
    own_container,
    proxy_variables,
    scratch,
)
from trainingjob.plan.pod import given, unshared
from trainingjob.plan.security import Security

_ROOM: Final = 4096
"""MiB of a node's disk that the copy may take."""
_SPARE: Final = 128
"""MiB of them that stay free: a pod that goes beyond its limit is evicted."""
_SLOWEST: Final = 60
"""Seconds after which the store is looked at again, however seldom the job uploads: the end is to be seen soon."""
_GRACE_SECONDS: Final = 5
_RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


def plan_tensorboard(
    job: TrainingJob, spec: TrainingJobSpec, security: Security, options: PlanOptions
) -> tuple[Manifest, ...]:
    """Return the Deployment and the Service of a job's TensorBoard; nothing for a job without one."""
    if spec.outputs is None or not (spec.tensorboard and spec.tensorboard.enabled):
        return ()
    pod = _pod(job, spec, spec.outputs, security, options)
    return unshared(_deployment(job, spec, pod)), _service(job)


def tensorboard_url(job: TrainingJob) -> str:
    """Return the address of a job's TensorBoard within the cluster."""
    return f"http://{tensorboard_name(job.name)}.{job.namespace}.svc:{TENSORBOARD_PORT}/"


def _selector(job: TrainingJob) -> dict[str, str]:
    """Return the labels of its pod: not those of the job's pods, which are counted and cleaned up."""
    return {LABEL_TENSORBOARD: job.name, LABEL_TENSORBOARD_UID: job.uid}


def _service(job: TrainingJob) -> Manifest:
    port = {"name": "http", "port": TENSORBOARD_PORT, "targetPort": TENSORBOARD_PORT}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(job, tensorboard_name(job.name), job_labels(job)),
        "spec": {"selector": _selector(job), "ports": [port]},
    }


def _deployment(job: TrainingJob, spec: TrainingJobSpec, pod: Manifest) -> Manifest:
    # The identity of a cloud may hang on a label; policies ask for some.
    metadata = {"labels": {**(spec.pod_labels or {}), **_selector(job)}, **given(annotations=spec.pod_annotations)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": child_metadata(job, tensorboard_name(job.name), job_labels(job)),
        "spec": {
            "replicas": 1,
            # Some claims can be mounted by one pod alone.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _selector(job)},
            "template": {"metadata": metadata, "spec": pod},
        },
    }


def _pod(
    job: TrainingJob, spec: TrainingJobSpec, outputs: Outputs, security: Security, options: PlanOptions
) -> Manifest:
    events, temporary = scratch("events", names.EVENTS), scratch("tmp", "/tmp")  # noqa: S108 - the container's own
    needed = needed_for_outputs(outputs, read_only=True)
    bounded = {**events.volume, "emptyDir": {"sizeLimit": f"{_ROOM}Mi"}}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        # The volumes' groups are the job's; nothing in here runs as the image's own user, which may be root.
        "securityContext": {
            **security.pod,
            "runAsNonRoot": True,
            "runAsUser": SIDECAR_ID,
            "runAsGroup": SIDECAR_ID,
        },
        **given(
            imagePullSecrets=spec.image_pull_secrets,
            serviceAccountName=spec.service_account_name,
            tolerations=spec.tolerations,
            dnsConfig=spec.dns_config,
        ),
        **(_beside_the_job(job) if outputs.pvc else {}),
        "containers": [
            _mirror(job, spec, outputs, options, (events, *needed)),
            _tensorboard(options, events, temporary),
        ],
        "volumes": [bounded, temporary.volume, *(attachment.volume for attachment in needed)],
    }


def _beside_the_job(job: TrainingJob) -> Manifest:
    """Return the wish for a node that has pods of the job: a claim may be bound to it."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": job_labels(job)}}
    wish = {"weight": 100, "podAffinityTerm": term}
    return {"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}}


def _mirror(
    job: TrainingJob,
    spec: TrainingJobSpec,
    outputs: Outputs,
    options: PlanOptions,
    mounted: tuple[Attachment, ...],
) -> Manifest:
    task = MirrorEvents(
        prefix=f"{store_base(outputs)}/{run_folder(job.namespace, job.name, job.uid)}",
        stream=tuple(outputs.stream),
        target=names.EVENTS,
        interval_seconds=min(outputs.interval, _SLOWEST),
        max_bytes=(_ROOM - _SPARE) * 2**20,
        credentials=mounted[-1].path if outputs.secret_ref else "",
    )
    variables = proxy_variables(spec.env or ())
    return own_container(names.MIRROR_EVENTS, options.own_image, task, mounts_of(mounted), variables)


def _tensorboard(options: PlanOptions, events: Attachment, temporary: Attachment) -> Manifest:
    return {
        "name": "tensorboard",
        "image": options.tensorboard_image,
        "command": ["tensorboard", "--logdir", names.EVENTS, "--bind_all", "--port", str(TENSORBOARD_PORT)],
        # It notes in the temporary folder that it runs; some images have no folder that this user could write to.
        "env": [{"name": "HOME", "value": temporary.path}],
        "ports": [{"name": "http", "containerPort": TENSORBOARD_PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": TENSORBOARD_PORT}, "periodSeconds": 5},
        "resources": _RESOURCES,
        "securityContext": {**CONFINED, "readOnlyRootFilesystem": True},
        "volumeMounts": [{**events.mount, "readOnly": True}, temporary.mount],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
