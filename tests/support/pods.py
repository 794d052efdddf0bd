"""Short ways to look at the pods that a job is given."""

import json
from typing import Any

from tests.support.builders import make_job
from trainingjob.api.job import TrainingJob
from trainingjob.contract.names import TASK_VARIABLE
from trainingjob.plan import Manifest, PlanOptions, plan_job


def render_pods(job: TrainingJob, profile: str = "restricted", attempt: int = 0) -> dict[str, Manifest]:
    """Return the manifests of all pods of a job by their names."""
    plan = plan_job(job, PlanOptions(security_profile=profile))
    return {replica.pod: plan.render(replica, attempt) for replica in plan.replicas}


def pod_of(name: str = "mnist-worker-0", profile: str = "restricted", **spec: Any) -> Manifest:
    """Return the manifest of one pod of the job `mnist` with this spec."""
    return render_pods(make_job(**spec), profile)[name]


def main_container(pod: Manifest) -> Manifest:
    """Return the only container of a pod."""
    (container,) = pod["spec"]["containers"]
    return dict(container)


def env_values(pod: Manifest) -> dict[str, str | None]:
    """Return the variables of a pod's container that have a value of their own; None for those from elsewhere."""
    return {item["name"]: item.get("value") for item in main_container(pod)["env"]}


def env_names(pod: Manifest) -> list[str]:
    """Return the names of the variables in their order."""
    return [item["name"] for item in main_container(pod)["env"]]


def init_containers(pod: Manifest) -> dict[str, Manifest]:
    """Return the init containers of a pod by their names, in their order."""
    return {container["name"]: container for container in pod["spec"].get("initContainers", [])}


def task_of(container: Manifest) -> dict[str, Any]:
    """Return what a container of ours is told to do, as it reads it."""
    (text,) = (item["value"] for item in container["env"] if item["name"] == TASK_VARIABLE)
    assert "$" not in text, "Kubernetes might replace a part of it"
    return dict(json.loads(text))


def volumes_of(pod: Manifest) -> dict[str, Manifest]:
    """Return the volumes of a pod by their names, without the names."""
    return {
        volume["name"]: {kind: value for kind, value in volume.items() if kind != "name"}
        for volume in pod["spec"]["volumes"]
    }


def mounts_of(container: Manifest) -> dict[str, Manifest]:
    """Return the mounts of a container by their paths, without the paths."""
    return {
        mount["mountPath"]: {name: value for name, value in mount.items() if name != "mountPath"}
        for mount in container["volumeMounts"]
    }
