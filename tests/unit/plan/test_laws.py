"""Laws that hold of every job that is planned at all."""

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import env_names, env_values
from trainingjob.api.job import TrainingJob
from trainingjob.plan import Manifest, PlanOptions, plan_job

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

# With the longest pod's `-evaluator-0` a name of 51 characters is as long as it can be.
commands = st.just(["python", "x.py"])
names = st.from_regex(r"[a-z]([-a-z0-9]{0,49}[a-z0-9])?", fullmatch=True)
replicas = st.integers(1, 60)
flags = st.booleans()
variables = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["A", "B", "HOME", "USER", "PATH"]), "value": st.text("$(AB)x", max_size=8)}
    ),
    max_size=4,
    unique_by=lambda item: item["name"],
)
strategies: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "parameterServer": st.fixed_dictionaries(
                {"workers": replicas, "servers": replicas, "chief": flags, "evaluator": flags}
            )
        }
    ),
    st.fixed_dictionaries(
        {"multiWorker": st.fixed_dictionaries({"workers": replicas, "chief": flags, "evaluator": flags})}
    ),
    st.fixed_dictionaries(
        {
            "command": commands,
            "mpi": st.fixed_dictionaries({"nodes": st.integers(2, 60), "launcherRunsWorker": flags}),
        }
    ),
    st.fixed_dictionaries(
        {"command": commands, "torch": st.fixed_dictionaries({"nodes": replicas, "processesPerNode": replicas})}
    ),
)


@st.composite
def jobs(draw: st.DrawFn) -> TrainingJob:
    """Draw a job of any strategy, with variables, overrides and GPUs."""
    strategy = draw(strategies)
    fields: dict[str, Any] = next((value for value in strategy.values() if isinstance(value, dict)), {})
    roles = {
        "worker",
        *(["launcher"] if "mpi" in strategy else []),
        *(["ps"] if "servers" in fields else []),
        *(["chief"] if fields.get("chief") else []),
    }
    return make_job(
        draw(names),
        spec=strategy,
        env=draw(variables),
        overrides={role: {"env": draw(variables)} for role in sorted(roles)},
        gpusPerWorker=draw(st.integers(0, 2)),
    )


def children(job: TrainingJob) -> tuple[Manifest, list[Manifest], list[Manifest]]:
    """Return Service, ConfigMaps and pods of a job."""
    plan = plan_job(job, PlanOptions())
    return plan.service, list(plan.config_maps), [plan.render(replica, 1) for replica in plan.replicas]


def cluster_seen(pod: Manifest, config_maps: list[Manifest]) -> dict[str, Any] | None:
    """Return TF_CONFIG as the process reads it."""
    text = env_values(pod).get("TF_CONFIG")
    if text is None:
        return None
    for config_map in config_maps:
        text = text.replace("$(TRAININGJOB_TF_CLUSTER)", config_map["data"]["cluster.json"])
    return dict(json.loads(text))


@settings(deadline=None, max_examples=60)
@given(jobs())
def test_names_are_unique_and_valid_and_lead_to_the_pods(job: TrainingJob) -> None:
    service, _, pods = children(job)
    pod_names = [pod["metadata"]["name"] for pod in pods]
    assert len(set(pod_names)) == len(pod_names)
    for pod in pods:
        name = pod["metadata"]["name"]
        assert DNS_LABEL.fullmatch(name)
        assert len(name) <= 63
        assert pod["spec"]["hostname"] == name
        assert pod["spec"]["subdomain"] == service["metadata"]["name"]


@settings(deadline=None, max_examples=60)
@given(jobs())
def test_all_processes_see_the_same_cluster_and_each_its_own_task(job: TrainingJob) -> None:
    _, config_maps, pods = children(job)
    seen = [cluster_seen(pod, config_maps) for pod in pods]
    if seen[0] is None:
        assert len(pods) == 1 or (job.spec and (job.spec.mpi or job.spec.torch))
        assert seen == [None] * len(pods)
        return
    for pod, config in zip(pods, seen, strict=True):
        assert config is not None
        assert config["cluster"] == seen[0]["cluster"]
        assert config["environment"] == "cloud"
        role = pod["metadata"]["labels"]["trainingjob.dev/role"]
        index = int(pod["metadata"]["labels"]["trainingjob.dev/index"])
        assert config["task"] == {"type": role, "index": index}
        if role == "evaluator":
            assert role not in config["cluster"]
        else:
            host = config["cluster"][role][index]
            assert host == f"{pod['spec']['hostname']}.{pod['spec']['subdomain']}:2222"
    hosts = [host for members in seen[0]["cluster"].values() for host in members]
    evaluators = sum(pod["metadata"]["labels"]["trainingjob.dev/role"] == "evaluator" for pod in pods)
    assert len(set(hosts)) == len(hosts) == len(pods) - evaluators


@settings(deadline=None, max_examples=60)
@given(jobs())
def test_every_pod_is_restricted_and_defines_each_variable_once(job: TrainingJob) -> None:
    for pod in children(job)[2]:
        assert restricted_violations(pod) == []
        assert len(set(env_names(pod))) == len(env_names(pod))


@settings(deadline=None, max_examples=30)
@given(jobs())
def test_planning_twice_gives_the_same_bytes(job: TrainingJob) -> None:
    assert json.dumps(children(job)) == json.dumps(children(job))
