"""TF_CONFIG: what the processes of a TensorFlow job are told, and how many bytes that takes."""

import json
from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pods import env_names, env_values, main_container, pod_of, render_pods
from trainingjob.api.job import TrainingJob
from trainingjob.plan import PlanOptions, PlanRefusedError, plan_job

LIMIT = 131_072
REFERENCE = "$(TRAININGJOB_TF_CLUSTER)"


def tf_configs(job: TrainingJob) -> dict[str, str]:
    """Return what each process finds in TF_CONFIG, expanded as the kubelet does it."""
    clusters = [config_map["data"]["cluster.json"] for config_map in plan_job(job, PlanOptions()).config_maps]
    found = {}
    for name, pod in render_pods(job).items():
        text = env_values(pod)["TF_CONFIG"]
        assert text is not None
        found[name] = text.replace(REFERENCE, clusters[0]) if clusters else text
    return found


def test_tf_config_is_compact_json_with_cluster_task_and_environment() -> None:
    pod = pod_of("mnist-worker-1", parameterServer={"workers": 2, "servers": 1, "chief": True, "evaluator": True})
    assert env_values(pod)["TF_CONFIG"] == (
        '{"cluster":{"chief":["mnist-chief-0.mnist:2222"],"ps":["mnist-ps-0.mnist:2222"],'
        '"worker":["mnist-worker-0.mnist:2222","mnist-worker-1.mnist:2222"]},'
        '"task":{"type":"worker","index":1},"environment":"cloud"}'
    )


@pytest.mark.parametrize(
    ("spec", "roles"),
    [
        ({"parameterServer": {}}, ["ps", "worker"]),
        ({"parameterServer": {"chief": True}}, ["chief", "ps", "worker"]),
        ({"multiWorker": {}}, ["worker"]),
        ({"multiWorker": {"chief": True, "evaluator": True}}, ["chief", "worker"]),
    ],
)
def test_the_cluster_has_the_roles_that_exist_without_the_evaluator(spec: dict[str, Any], roles: list[str]) -> None:
    for text in tf_configs(make_job(spec=spec)).values():
        assert list(json.loads(text)["cluster"]) == roles


def test_the_evaluator_is_told_its_own_task() -> None:
    text = tf_configs(make_job(multiWorker={"evaluator": True}))["mnist-evaluator-0"]
    assert json.loads(text)["task"] == {"type": "evaluator", "index": 0}


@pytest.mark.parametrize("spec", [{}, {"multiWorker": {"workers": 1}}])
def test_a_single_pod_gets_no_tf_config(spec: dict[str, Any]) -> None:
    assert "TF_CONFIG" not in env_values(pod_of(**spec))


def test_up_to_50_replicas_the_pods_carry_the_cluster_themselves() -> None:
    job = make_job(parameterServer={"workers": 49, "servers": 1})
    assert plan_job(job, PlanOptions()).config_maps == ()
    assert "TRAININGJOB_TF_CLUSTER" not in env_values(render_pods(job)["mnist-worker-0"])


def test_above_50_replicas_the_cluster_stands_once_in_an_immutable_config_map() -> None:
    job = make_job(parameterServer={"workers": 50, "servers": 1})
    (config_map,) = plan_job(job, PlanOptions()).config_maps
    assert config_map["immutable"] is True
    assert len(json.loads(config_map["data"]["cluster.json"])["worker"]) == 50
    assert env_values(render_pods(job)["mnist-worker-7"])["TF_CONFIG"] == (
        '{"cluster":$(TRAININGJOB_TF_CLUSTER),"task":{"type":"worker","index":7},"environment":"cloud"}'
    )


def test_the_variable_of_the_cluster_stands_before_the_one_that_refers_to_it() -> None:
    job = make_job(multiWorker={"workers": 60})
    (config_map,) = plan_job(job, PlanOptions()).config_maps
    pod = render_pods(job)["mnist-worker-0"]
    names = env_names(pod)
    assert names.index("TRAININGJOB_TF_CLUSTER") < names.index("TF_CONFIG")
    source = main_container(pod)["env"][names.index("TRAININGJOB_TF_CLUSTER")]["valueFrom"]
    assert source == {"configMapKeyRef": {"name": config_map["metadata"]["name"], "key": "cluster.json"}}


def test_1000_workers_with_the_longest_names_are_planned_within_every_limit() -> None:
    job = make_job("j" * 52, parameterServer={"workers": 1000, "servers": 1})
    texts = tf_configs(job)
    assert max(map(len, texts)) == 63
    assert max(len(f"TF_CONFIG={text}\0") for text in texts.values()) <= LIMIT
    (config_map,) = plan_job(job, PlanOptions()).config_maps
    assert len(f"TRAININGJOB_TF_CLUSTER={config_map['data']['cluster.json']}\0") <= LIMIT
    assert len(json.dumps(config_map)) < 1 << 20


def test_a_tf_config_that_fills_the_limit_to_the_byte_is_planned() -> None:
    job = make_job("j" * 40, parameterServer={"workers": 1304, "servers": 4})
    assert max(len(f"TF_CONFIG={text}\0") for text in tf_configs(job).values()) == LIMIT


def test_a_tf_config_one_byte_above_the_limit_is_refused() -> None:
    with pytest.raises(PlanRefusedError, match="would take 131073 bytes") as caught:
        plan_job(make_job("j" * 51, parameterServer={"workers": 1071, "servers": 3}), PlanOptions())
    assert "workers can be at most 1070 beside 3 parameter servers" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "strategy", "fixed"),
    [
        ("j" * 50, "parameterServer", {"servers": 20}),
        ("j" * 50, "parameterServer", {"servers": 1, "chief": True, "evaluator": True}),
        ("mnist", "multiWorker", {}),
        ("j" * 50, "multiWorker", {"evaluator": True}),
    ],
)
def test_a_tf_config_too_long_to_start_with_is_refused_with_the_count_that_fits(
    name: str, strategy: str, fixed: dict[str, Any]
) -> None:
    with pytest.raises(PlanRefusedError) as caught:
        plan_job(make_job(name, spec={strategy: {"workers": 9000, **fixed}}), PlanOptions())
    assert caught.value.reason == "TFConfigTooLarge"
    fitting = int(str(caught.value).partition("workers can be at most ")[2].split()[0])
    largest = make_job(name, spec={strategy: {"workers": fitting, **fixed}})
    assert max(len(f"TF_CONFIG={text}\0") for text in tf_configs(largest).values()) <= LIMIT
    with pytest.raises(PlanRefusedError, match=f"workers can be at most {fitting}"):
        plan_job(make_job(name, spec={strategy: {"workers": fitting + 1, **fixed}}), PlanOptions())


def test_a_refused_tf_config_says_its_bytes_and_counts_the_servers() -> None:
    with pytest.raises(PlanRefusedError) as caught:
        plan_job(make_job(parameterServer={"workers": 8000, "servers": 3}), PlanOptions())
    assert "131072" in str(caught.value)
    assert "beside 3 parameter servers" in str(caught.value)


def test_servers_that_leave_no_room_for_any_worker_are_refused_as_such() -> None:
    with pytest.raises(PlanRefusedError, match="no worker fits beside 9000 parameter servers"):
        plan_job(make_job(parameterServer={"workers": 2, "servers": 9000}), PlanOptions())
