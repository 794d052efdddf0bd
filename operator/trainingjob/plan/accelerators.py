"""GPUs: which roles get them, and how the others are kept from seeing any."""

from trainingjob.api.pod_fields import Resources
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.model import Manifest

NO_GPUS: Manifest = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
"""Makes NVIDIA's container runtime behave like the ordinary one.

The other word that it documents, `none`, still mounts the driver, for which a parameter server has no use.
"""


def container_resources(spec: TrainingJobSpec, role: Role, resources: Resources | None) -> Manifest:
    """Return a container's `resources`: what the user asks for, which never names the accelerator, and its GPUs."""
    given = resources or Resources()
    requests, limits = dict(given.requests or {}), dict(given.limits or {})
    if spec.gpus_per_worker and computes(spec, role):
        requests[spec.accelerator] = limits[spec.accelerator] = str(spec.gpus_per_worker)
    return {name: values for name, values in (("requests", requests), ("limits", limits)) if values}


def hides_gpus(spec: TrainingJobSpec, role: Role) -> bool:
    """Say whether the processes of a role must be kept from the GPUs of their node.

    Where NVIDIA's container runtime is the node's default, an image with NVIDIA_VISIBLE_DEVICES=all sees every GPU
    of the node, whatever the pod asked for.
    """
    return bool(spec.gpus_per_worker) and not computes(spec, role) and spec.accelerator.startswith("nvidia.com/")


def computes(spec: TrainingJobSpec, role: Role) -> bool:
    """Say whether the replicas of a role get the GPUs that the job asks for."""
    return runs_the_program(spec, role) and role is not Role.PS


def runs_the_program(spec: TrainingJobSpec, role: Role) -> bool:
    """Say whether the program itself runs in a role, and not just what starts it elsewhere."""
    return role is not Role.LAUNCHER or (spec.mpi is not None and spec.mpi.launcher_runs_worker)
