"""From a job to its plan: the strategy lays out the replicas, the rest follows for each of them."""

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.addition import RolePods
from trainingjob.plan.artifacts import Uploads, add_kept_folders, add_uploads, kept_folders, plan_uploads
from trainingjob.plan.framework import decide_framework, framework_image
from trainingjob.plan.gang import join_gang, keeps_names, plan_gang
from trainingjob.plan.inputs import add_inputs
from trainingjob.plan.layout import Layout
from trainingjob.plan.model import Manifest, Plan, PlanOptions, PlanRefusedError, Replica
from trainingjob.plan.mpi import lay_out_mpi
from trainingjob.plan.multi_worker import lay_out_multi_worker
from trainingjob.plan.names import pod_name
from trainingjob.plan.packages import add_packages, in_environment
from trainingjob.plan.parameter_server import lay_out_parameter_server
from trainingjob.plan.pod import PodTemplate, pod_template, render_pod
from trainingjob.plan.resume import add_resume
from trainingjob.plan.role_spec import resolve_role
from trainingjob.plan.security import Security, check_annotations, decide_security
from trainingjob.plan.service import headless_service
from trainingjob.plan.single import lay_out_single
from trainingjob.plan.source import add_source
from trainingjob.plan.tensorboard import plan_tensorboard
from trainingjob.plan.tools import add_tools
from trainingjob.plan.torch import lay_out_torch
from trainingjob.plan.workspace import in_workspace


def plan_job(job: TrainingJob, options: PlanOptions) -> Plan:
    """Return the children that a job should have; the same job and options give the same bytes.

    Whatever can be wrong with a job is found here: rendering a pod of the plan cannot fail.

    Raises:
        PlanRefusedError: when a job of this shape cannot run, with a reason in one word and a sentence for the user.
    """
    if job.spec is None:
        raise PlanRefusedError("InvalidSpec", job.problem)
    spec = job.spec
    layout = _lay_out(job, spec)
    security = decide_security(spec.security_context, options.security_profile)
    check_annotations(spec.pod_annotations or {})
    replicas = _replicas(job, layout)
    primary = next(replica for replica in replicas if replica.role is layout.primary)
    uploads = plan_uploads(job, spec, primary, replicas)
    framework = decide_framework(spec, job.status.framework, options.frameworks)
    templates = {}
    for role in layout.counts:
        chosen = resolve_role(spec, role, framework_image(spec, framework, role))
        pods = RolePods(job, spec, role, chosen, options.own_image)
        templates[role] = _template(pods, security, layout, uploads)

    def render(replica: Replica, attempt: int) -> Manifest:
        pod = render_pod(job, layout, templates[replica.role], replica, attempt)
        pod["spec"]["terminationGracePeriodSeconds"] = uploads.stop_grace(replica)
        join_gang(job, spec, pod, replica, attempt)
        return pod

    resources = {role: template.container.get("resources", {}) for role, template in templates.items()}
    return Plan(
        replicas=replicas,
        primary=primary,
        service=headless_service(job, layout.ports),
        config_maps=layout.config_maps,
        key_secrets=layout.key_secrets,
        render=render,
        restarts_alone=lambda replica: layout.restarts_alone(replica.role) and not keeps_names(spec, replica.role),
        replaceable=lambda replica: layout.replaceable(replica.role, replica.index),
        stop_grace=uploads.stop_grace,
        gang=plan_gang(job, spec, replicas, resources),
        tensorboard=plan_tensorboard(job, spec, security, options),
        framework=framework,
        uploads=uploads.uploads,
        artifact_prefix=uploads.artifact_prefix,
        flush_seconds=uploads.flush_seconds,
    )


def _template(pods: RolePods, security: Security, layout: Layout, uploads: Uploads) -> PodTemplate:
    """Return what the pods of a role have in common, with what the job's fields add to them."""
    spec = pods.spec
    program = in_environment(pods, in_workspace(spec, layout.program(pods.role, pods.chosen)))
    additions = (
        *add_source(pods, kept_folders(spec)),
        *add_tools(pods, uploads, prints=layout.prints(pods.role)),
        *add_packages(pods),
        *add_inputs(pods),
        *add_resume(pods, uploads),
        *add_kept_folders(pods),
    )
    steps = sum((item.container is not None) + (item.preparation is not None) for item in additions)
    others = steps + int(program.preparation is not None) + 1
    return pod_template(pods, security, program, (*additions, *add_uploads(pods, uploads, others)))


def _lay_out(job: TrainingJob, spec: TrainingJobSpec) -> Layout:
    if spec.parameter_server is not None:
        return lay_out_parameter_server(job, spec.parameter_server)
    if spec.multi_worker is not None:
        return lay_out_multi_worker(job, spec.multi_worker)
    if spec.mpi is not None:
        return lay_out_mpi(job, spec, spec.mpi)
    if spec.torch is not None:
        return lay_out_torch(job, spec, spec.torch)
    return lay_out_single()


def _replicas(job: TrainingJob, layout: Layout) -> tuple[Replica, ...]:
    return tuple(
        Replica(role, index, pod_name(job.name, role, index))
        for role, count in layout.counts.items()
        for index in range(count)
    )
