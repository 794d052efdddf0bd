"""Laws of the pods of jobs that bring code, data and packages and keep what they write, whatever they combine."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.code_jobs import ACCEPTED_CODE_JOBS
from tests.support.every_field import EVERY_CODE_FIELD
from tests.support.job_cases import Accepted
from tests.support.pod_security import restricted_violations
from trainingjob.api.framework import CatalogueEntry
from trainingjob.plan import Manifest, PlanOptions, plan_job

CATALOGUE = {
    name: CatalogueEntry.model_validate({"default": version, "versions": {version: {"cpu": "own:1", "gpu": "own:2"}}})
    for name, version in (("tensorflow", "2.18"), ("scikit-learn", "1.6"), ("pytorch", "2.5.1-a_b"))
}
STRATEGIES: list[dict[str, Any]] = [
    {},
    {"parameterServer": {"workers": 2, "chief": True, "evaluator": True}},
    {"mpi": {"nodes": 2}},
    {"mpi": {"nodes": 2, "launcherRunsWorker": True}},
    {"torch": {"nodes": 2, "processesPerNode": 2}},
]
ORDER = [
    "fetch-source",
    "copy-tools",
    "install-packages",
    "download-inputs",
    "restore-artifact",
    "prepare",
    "artifacts",
]
OWN = set(ORDER) - {"install-packages", "prepare"}
ABSENT = dict.fromkeys(["image", "serviceAccountName", "priorityClassName", "runtimeClassName"])
"""What the job with every field names and a test cluster does not have."""
CASES = [
    *ACCEPTED_CODE_JOBS,
    Accepted("every field", EVERY_CODE_FIELD | ABSENT | {"accelerator": "nvidia.com/gpu"}),
]


def pods_of(case: Accepted) -> Iterator[Manifest]:
    """Yield the pods of a job, as it is and with every strategy that its fields leave open."""
    given = {"torch", "mpi", "multiWorker", "parameterServer", "overrides"} & case.spec.keys()
    program = case.spec.keys() & {"command", "entrypoint"}
    for strategy in [{}] if given else STRATEGIES:
        command = {} if program or not strategy else {"command": ["python", "train.py"]}
        job = make_job(spec={**case.spec, **strategy, **command})
        plan = plan_job(job, PlanOptions(own_image="ours:1", frameworks=CATALOGUE))
        yield from (plan.render(replica, 1) for replica in plan.replicas)


def containers_of(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_pod_is_restricted_and_whole(case: Accepted) -> None:
    for pod in pods_of(case):
        assert restricted_violations(pod) == []
        volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
        assert len(set(volumes)) == len(volumes)
        assert all(len(name) <= 63 for name in volumes)
        for container in containers_of(pod):
            mounts = container["volumeMounts"]
            assert {mount["name"] for mount in mounts} <= set(volumes)
            assert Counter(mount["mountPath"] for mount in mounts).most_common(1)[0][1] == 1
            names = [item["name"] for item in container["env"]]
            assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_containers_stand_in_one_order_and_ours_are_of_our_image(case: Accepted) -> None:
    for pod in pods_of(case):
        names = [container["name"] for container in pod["spec"].get("initContainers", [])]
        assert names == [name for name in ORDER if name in names]
        for container in containers_of(pod):
            assert (container["image"] == "ours:1") == (container["name"] in OWN)
            assert ("restartPolicy" in container) == (container["name"] == "artifacts")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_secret_or_a_writable_claim_is_mounted_in_one_container_and_never_in_the_programs(case: Accepted) -> None:
    for pod in pods_of(case):
        guarded = [
            volume["name"]
            for volume in pod["spec"]["volumes"]
            if "secret" in volume and volume["name"] != "trainingjob-keys"
        ]
        for name in guarded:
            holders = [
                container["name"]
                for container in containers_of(pod)
                if name in {mount["name"] for mount in container["volumeMounts"]}
            ]
            assert len(holders) == 1
            assert holders != ["main"]
