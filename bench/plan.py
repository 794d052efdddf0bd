"""Print how long it takes to plan large jobs and to render all of their pods, and how many bytes they have.

Run it from the repository's root: `PYTHONPATH=operator "$(scripts/venv)"/bin/python bench/plan.py`
"""

import json
from statistics import median
from time import perf_counter
from typing import Any

from trainingjob.api.job import TrainingJob, read_job
from trainingjob.plan import Manifest, PlanOptions, plan_job

ROUNDS = 5


def large_job(workers: int, servers: int) -> TrainingJob:
    """Return a parameter-server job with the fields that people use, under a long name."""
    spec: dict[str, Any] = {
        "image": "registry.example.com/recommender:1.0",
        "command": ["python", "/app/train.py"],
        "env": [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(10)],
        "gpusPerWorker": 1,
        "resources": {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"memory": "16Gi"}},
        "parameterServer": {"workers": workers, "servers": servers},
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    metadata = {
        "name": "j" * 50,
        "namespace": "team",
        "uid": "11111111-2222-4333-8444-555555555555",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-31T12:00:00Z",
    }
    return read_job({"metadata": metadata, "spec": spec})


def plan_and_render(job: TrainingJob) -> tuple[float, float, list[Manifest]]:
    """Return the seconds for the plan, the seconds for all pods, and every child."""
    begun = perf_counter()
    plan = plan_job(job, PlanOptions())
    planned = perf_counter()
    pods = [plan.render(replica, 0) for replica in plan.replicas]
    return planned - begun, perf_counter() - planned, [plan.service, *plan.config_maps, *pods]


def main() -> None:
    """Print one line for each size of a job; times are the median of a few rounds."""
    print("replicas   plan ms   pods ms   total KB   bytes per replica")
    for replicas in (10, 50, 100, 200, 400, 1000):
        job = large_job(replicas - 2, 2)
        rounds = [plan_and_render(job) for _ in range(ROUNDS)]
        size = sum(len(json.dumps(child)) for child in rounds[0][2])
        planning = median(seconds for seconds, _, _ in rounds) * 1000
        rendering = median(seconds for _, seconds, _ in rounds) * 1000
        print(f"{replicas:8} {planning:9.2f} {rendering:9.1f} {size / 1000:10.0f} {size / replicas:19.0f}")


if __name__ == "__main__":
    main()
