"""Where and how a pod is scheduled: the user's fields, given a meaning within the job."""

from typing import Any

from trainingjob.api.constants import LABEL_JOB_UID
from trainingjob.api.job import TrainingJob
from trainingjob.api.scheduling import TopologySpread
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.plan.model import Manifest
from trainingjob.plan.role_spec import RoleSpec

NODE_TROUBLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""The taints of a node that is out of order, or of which nothing is heard."""

NODE_PATIENCE_SECONDS = 20
"""A silent node is tainted after 40 seconds; so its pods are given up after about a minute. Kubernetes' own patience of
five more minutes lets a whole group of GPUs wait."""


def scheduling_fields(job: TrainingJob, spec: TrainingJobSpec, chosen: RoleSpec) -> dict[str, Any]:
    """Return the fields of a pod's spec that say where it runs; None for what nobody set."""
    spread = spec.topology_spread
    return {
        "nodeSelector": chosen.node_selector or None,
        "tolerations": [*(chosen.tolerations or ()), *_patience(chosen)],
        "affinity": spec.affinity,
        "topologySpreadConstraints": None if spread is None else [_constraint(job, item) for item in spread],
        "priorityClassName": spec.priority_class_name,
        "schedulerName": spec.scheduler_name,
        "serviceAccountName": spec.service_account_name,
        "runtimeClassName": spec.runtime_class_name,
        "dnsConfig": spec.dns_config,
    }


def _patience(chosen: RoleSpec) -> list[Manifest]:
    """Return how long the pod stays bound to a node that does not answer, unless the user says how long."""
    own = {toleration.key for toleration in chosen.tolerations or () if toleration.effect in (None, "NoExecute")}
    return [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": NODE_PATIENCE_SECONDS}
        for key in NODE_TROUBLE
        if not own & {key, None, ""}
    ]


def _constraint(job: TrainingJob, spread: TopologySpread) -> Manifest:
    # Kubernetes counts no pod at all where the selector is missing.
    return {"labelSelector": {"matchLabels": {LABEL_JOB_UID: job.uid}}, **spread.manifest()}
