"""Short ways to look at the pods that a job is given."""

from typing import Any

from tests.support.builders import make_job
from trainingjob.api.job import TrainingJob
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
