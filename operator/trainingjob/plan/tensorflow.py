"""TF_CONFIG: what each process of a TensorFlow job is told of the others and of itself."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from trainingjob.api.constants import MAX_ENV_STRING_BYTES, TENSORFLOW_PORT
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import Role
from trainingjob.plan.layout import Layout
from trainingjob.plan.metadata import child_metadata, job_labels
from trainingjob.plan.model import Manifest, PlanRefusedError
from trainingjob.plan.names import config_map_name, pod_name

INLINE_REPLICAS = 50
"""Up to so many replicas every pod carries the text of the cluster itself.

Above, the bytes of a job would grow with the square of its replicas; the text then stands once, in a ConfigMap.
"""

CLUSTER_VARIABLE = "TRAININGJOB_TF_CLUSTER"
"""The variable that holds the text of the cluster where TF_CONFIG refers to it."""

CLUSTER_KEY = "cluster.json"

# The evaluator is missing: programs of TensorFlow 2 wait for everybody in the cluster, and nobody talks to it.
_CLUSTER_ROLES = (Role.CHIEF, Role.PS, Role.WORKER)
_PORTS: tuple[Manifest, ...] = ({"name": "tensorflow", "port": TENSORFLOW_PORT, "targetPort": TENSORFLOW_PORT},)


def lay_out_tensorflow(job: TrainingJob, counts: Mapping[Role, int]) -> Layout:
    """Return the layout of a TensorFlow job of these roles.

    Raises:
        PlanRefusedError: TFConfigTooLarge, when no process could be started with its TF_CONFIG.
    """
    primary = Role.CHIEF if Role.CHIEF in counts else Role.WORKER
    replicas = sum(counts.values())
    if replicas == 1:
        # A program that finds a TF_CONFIG waits for a cluster; alone it shall just run.
        return Layout(counts, primary, tell=lambda _role, _index: [])
    cluster = cluster_text(job.name, counts)
    # The variable with the cluster alone is always shorter, so this one check is enough.
    size = _longest_bytes(cluster, counts)
    if size > MAX_ENV_STRING_BYTES:
        raise PlanRefusedError("TFConfigTooLarge", _too_large(job.name, counts, size))
    if replicas <= INLINE_REPLICAS:
        return Layout(counts, primary, lambda role, index: [_tf_config(cluster, role, index)], _PORTS)
    config_map = _config_map(job, cluster)
    # Kubernetes expands only what stands earlier in the list.
    reference = _cluster_reference(config_map["metadata"]["name"])
    return Layout(
        counts,
        primary,
        lambda role, index: [reference, _tf_config(f"$({CLUSTER_VARIABLE})", role, index)],
        _PORTS,
        (config_map,),
    )


def cluster_text(job: str, counts: Mapping[Role, int]) -> str:
    """Return the cluster as compact JSON: `{"chief":[…],"ps":[…],"worker":[…]}` with the roles that exist."""
    cluster = {role.value: list(_hosts(job, role, counts[role])) for role in _CLUSTER_ROLES if role in counts}
    return json.dumps(cluster, separators=(",", ":"))


def _hosts(job: str, role: Role, count: int) -> Iterator[str]:
    return (f"{pod_name(job, role, index)}.{job}:{TENSORFLOW_PORT}" for index in range(count))


def _tf_config(cluster: str, role: Role, index: int) -> Manifest:
    return {"name": "TF_CONFIG", "value": _tf_config_text(cluster, role, index)}


def _tf_config_text(cluster: str, role: Role, index: int) -> str:
    return f'{{"cluster":{cluster},"task":{{"type":"{role.value}","index":{index}}},"environment":"cloud"}}'


def _config_map(job: TrainingJob, cluster: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child_metadata(job, config_map_name(job.name, job.uid), job_labels(job)),
        "immutable": True,
        "data": {CLUSTER_KEY: cluster},
    }


def _cluster_reference(config_map: str) -> Manifest:
    return {
        "name": CLUSTER_VARIABLE,
        "valueFrom": {"configMapKeyRef": {"name": config_map, "key": CLUSTER_KEY}},
    }


def _longest_bytes(cluster: str, counts: Mapping[Role, int]) -> int:
    """Return the bytes of the longest `TF_CONFIG=…` of a job, its references expanded, with the final NUL."""
    texts = (_tf_config_text(cluster, role, count - 1) for role, count in counts.items())
    return len("TF_CONFIG=") + max(map(len, texts)) + 1


def _most_workers(job: str, counts: Mapping[Role, int]) -> int:
    """Return the largest count of workers with which every process can be started; 0 when there is none."""

    def size(workers: int) -> int:
        fewer = {**counts, Role.WORKER: workers}
        return _longest_bytes(cluster_text(job, fewer), fewer)

    return bisect_right(range(1, counts[Role.WORKER] + 1), MAX_ENV_STRING_BYTES, key=size)


def _too_large(job: str, counts: Mapping[Role, int], size: int) -> str:
    workers, servers = _most_workers(job, counts), counts.get(Role.PS, 0)
    fits = f"workers can be at most {workers}" if workers else "no worker fits"
    beside = f" beside {servers} parameter server{'s' if servers > 1 else ''}" if servers else ""
    return (
        f"TF_CONFIG would take {size} bytes and no process can be started with more than {MAX_ENV_STRING_BYTES}: "
        f"{fits}{beside} under this job's name; a shorter name makes room for more."
    )
