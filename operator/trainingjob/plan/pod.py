"""The pods of a job: one template for each role, one manifest for each replica and attempt."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.constants import ANNOTATION_DEFAULT_CONTAINER, ANNOTATION_SPEC_HASH, MAIN_CONTAINER
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.accelerators import NO_GPUS, container_resources, hides_gpus
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.environment import home_variables, identity_variables
from trainingjob.plan.layout import Layout, Preparation, Program
from trainingjob.plan.metadata import child_metadata, replica_labels
from trainingjob.plan.model import Manifest, Replica
from trainingjob.plan.role_spec import RoleSpec
from trainingjob.plan.scheduling import scheduling_fields
from trainingjob.plan.security import Security
from trainingjob.plan.spec_hash import spec_hash
from trainingjob.plan.volumes import Volumes, lay_out_volumes
from trainingjob.plan.workspace import working_dir

Step = Callable[[Replica, int, list[Manifest]], Manifest | None]
"""Replica, attempt and the program's environment → an init container, or None for a replica that has none."""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What the pods of one role have in common."""

    labels: dict[str, str]
    annotations: dict[str, str]
    spec: Manifest
    """The pod's spec without host name and containers."""
    container: Manifest
    """The training container without its environment."""
    steps: tuple[Step, ...]
    """The init containers in their order."""
    own_env: list[Manifest]
    """The operator's variables that are the same for every replica; they follow those that differ."""
    user_env: list[Manifest]
    attempt_volumes: Callable[[int], tuple[Manifest, ...]]
    replica_volumes: Callable[[Replica], tuple[Manifest, ...]]
    replica_mounts: Callable[[Replica], tuple[Manifest, ...]]
    in_front: Callable[[Replica], tuple[str, ...]]
    """Replica → words that stand in front of its program."""


def pod_template(pods: RolePods, security: Security, program: Program, additions: Sequence[Addition]) -> PodTemplate:
    """Return what the pods of a role have in common."""
    job, spec, role, chosen = pods.job, pods.spec, pods.role, pods.chosen
    home = security.foreign_user and "HOME" not in chosen.variables
    volumes = lay_out_volumes(spec, program, additions, home=home)
    own_env = home_variables(chosen.variables) if security.foreign_user else []
    if hides_gpus(spec, role) and NO_GPUS["name"] not in chosen.variables:
        own_env.append(NO_GPUS)
    container = _container_fields(spec, role, chosen, security, volumes, program)
    return PodTemplate(
        labels=dict(spec.pod_labels or {}),
        annotations={
            **(spec.pod_annotations or {}),
            ANNOTATION_DEFAULT_CONTAINER: MAIN_CONTAINER,
            ANNOTATION_SPEC_HASH: spec_hash(spec),
        },
        spec=_pod_fields(job, spec, chosen, security, volumes),
        container=container,
        steps=tuple(_steps(program, additions, container, volumes, chosen)),
        own_env=[*own_env, *(variable for addition in additions for variable in addition.variables)],
        user_env=[item.manifest() for item in chosen.env],
        attempt_volumes=program.attempt_volumes,
        replica_volumes=lambda replica: tuple(
            volume for addition in additions for volume in addition.replica_volumes(replica)
        ),
        replica_mounts=lambda replica: tuple(
            mount for addition in additions for mount in addition.replica_mounts(replica)
        ),
        in_front=lambda replica: tuple(word for addition in additions for word in addition.in_front(replica)),
    )


def render_pod(job: TrainingJob, layout: Layout, template: PodTemplate, replica: Replica, attempt: int) -> Manifest:
    """Return the manifest of a replica's pod; nothing in it is shared with another manifest."""
    metadata = child_metadata(job, replica.pod, {**template.labels, **replica_labels(job, replica, attempt)})
    metadata["annotations"] = dict(template.annotations)
    user_sets = {item["name"] for item in template.user_env}
    env = [
        *identity_variables(job, replica, attempt),
        *(item for item in layout.tell(replica.role, replica.index) if item["name"] not in user_sets),
        *template.own_env,
        *template.user_env,
    ]
    spec = {
        "hostname": replica.pod,
        "subdomain": job.name,
        **template.spec,
        "volumes": [
            *template.spec["volumes"],
            *template.attempt_volumes(attempt),
            *(volume for volume in template.replica_volumes(replica) if volume not in template.spec["volumes"]),
        ],
        "containers": [{**template.container, **_own_of_replica(template, replica), "env": env}],
    }
    steps = [step(replica, attempt, env) for step in template.steps]
    if containers := [container for container in steps if container is not None]:
        spec["initContainers"] = containers
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": unshared(spec)}


def _own_of_replica(template: PodTemplate, replica: Replica) -> Manifest:
    """Return the fields of a replica's training container in which it differs from others of its role."""
    front, mounts = template.in_front(replica), template.replica_mounts(replica)
    command = template.container.get("command")
    return given(
        command=[*front, *command] if front and command else None,
        volumeMounts=[*template.container["volumeMounts"], *mounts] if mounts else None,
    )


def _pod_fields(
    job: TrainingJob, spec: TrainingJobSpec, chosen: RoleSpec, security: Security, volumes: Volumes
) -> Manifest:
    return given(
        # The operator decides what follows an end; the kubelet's own restarts would hide it.
        restartPolicy="Never",
        terminationGracePeriodSeconds=spec.stop_grace_seconds,
        # The program is not process 1, so that a signal which it does not handle ends it.
        shareProcessNamespace=True,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=security.pod,
        imagePullSecrets=spec.image_pull_secrets,
        volumes=volumes.volumes,
        **scheduling_fields(job, spec, chosen),
    )


def _container_fields(
    spec: TrainingJobSpec, role: Role, chosen: RoleSpec, security: Security, volumes: Volumes, program: Program
) -> Manifest:
    return given(
        name=MAIN_CONTAINER,
        image=chosen.image,
        imagePullPolicy=spec.image_pull_policy,
        command=program.command,
        args=program.args,
        workingDir=working_dir(spec),
        envFrom=spec.env_from,
        resources=container_resources(spec, role, chosen.resources) or None,
        securityContext=security.container or None,
        volumeMounts=volumes.mounts,
        startupProbe=program.startup_probe,
        # Without a message file of the program's own, its last lines of log say why it failed.
        terminationMessagePolicy="FallbackToLogsOnError",
    )


def _steps(
    program: Program, additions: Sequence[Addition], container: Manifest, volumes: Volumes, chosen: RoleSpec
) -> Iterator[Step]:
    """Yield the init containers in their order; what runs beside the program comes last."""

    def in_training_image(preparation: Preparation) -> Step:
        prepared = _prepare(preparation, container, volumes, chosen)
        return lambda _replica, _attempt, env: {**prepared, "env": [*env, *preparation.variables]}

    def ours(container: Callable[[Replica, int], Manifest | None]) -> Step:
        return lambda replica, attempt, _env: container(replica, attempt)

    for addition in (item for item in additions if not item.beside):
        if addition.container is not None:
            yield ours(addition.container)
        if addition.preparation is not None:
            yield in_training_image(addition.preparation)
    if program.preparation is not None:
        yield in_training_image(program.preparation)
    for addition in (item for item in additions if item.beside):
        if addition.container is not None:
            yield ours(addition.container)


def _prepare(preparation: Preparation, container: Manifest, volumes: Volumes, chosen: RoleSpec) -> Manifest:
    """Return the init container: the training container's image, user and volumes, without its GPUs."""
    own = {mount["mountPath"] for mount in preparation.mounts}
    others = [*volumes.of_program, *(volumes.of_additions if preparation.bare else ())]
    kept = ("image", "imagePullPolicy", "envFrom", "securityContext", "terminationMessagePolicy")
    return {
        "name": preparation.name,
        **{field: container[field] for field in kept if field in container},
        **given(resources=chosen.resources),
        "command": preparation.command,
        **given(workingDir=preparation.working_dir),
        "volumeMounts": [
            *(mount for mount in volumes.mounts if mount["mountPath"] not in own and mount not in others),
            *preparation.mounts,
        ],
    }


def given(**fields: Any) -> Manifest:
    """Return the fields that somebody set, each as it stands in a manifest."""
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.manifest()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def unshared(value: Any) -> Any:
    """Copy dicts and lists all the way down, so that whoever changes one manifest changes no other."""
    if isinstance(value, dict):
        return {key: unshared(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unshared(item) for item in value]
    return value
