"""PyTorch: who the others are, and when torchrun starts the processes."""

from typing import Any

import pytest

from tests.support.builders import JOB_UID, make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import env_values, main_container, render_pods
from trainingjob.plan import PlanOptions, plan_job
from trainingjob.plan.torch_command import under_torchrun

RUN = ["-m", "torch.distributed.run"]
ELASTIC = {"minNodes": 1, "maxNodes": 4}


def torch_pods(**spec: Any) -> dict[str, Any]:
    """Return the pods of a PyTorch job."""
    return render_pods(make_job(spec={"command": ["python", "x.py"], **spec}))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "x.py", "-a"], ["python", *RUN, "x.py", "-a"]),
        (["/opt/conda/bin/python3.11", "x.py"], ["/opt/conda/bin/python3.11", *RUN, "x.py"]),
        (["python3", "-u", "x.py"], ["python3", "-u", *RUN, "x.py"]),
        (["python", "-W", "ignore", "-X", "dev", "x.py"], ["python", "-W", "ignore", "-X", "dev", *RUN, "x.py"]),
        (["python", "-m", "train.main", "-a"], ["python", *RUN, "-m", "train.main", "-a"]),
        (["python", "-c", "print()", "-a"], ["python", *RUN, "--no-python", "python", "-c", "print()", "-a"]),
        (["python", *RUN, "x.py"], ["python", *RUN, "x.py"]),
        (["python", "-u", *RUN, "x.py"], ["python", "-u", *RUN, "x.py"]),
        (["python", "-m", "torch.distributed.launch", "x.py"], ["python", "-m", "torch.distributed.launch", "x.py"]),
        (["torchrun", "x.py"], ["torchrun", "x.py"]),
        (["accelerate", "launch", "x.py"], ["accelerate", "launch", "x.py"]),
        (["sh", "-c", "python x.py"], ["sh", "-c", "python x.py"]),
        (["python"], ["python"]),
        (["pythonic", "x.py"], ["pythonic", "x.py"]),
        ([], []),
    ],
    ids=str,
)
def test_python_program_is_put_under_torchrun_and_nothing_else_is(command: list[str], expected: list[str]) -> None:
    assert under_torchrun(command) == expected


@pytest.mark.parametrize(
    ("torch", "gpus", "rewritten"),
    [
        ({}, 0, False),
        ({"nodes": 4}, 0, False),
        ({"nodes": 4}, 1, False),
        ({"processesPerNode": 2}, 0, True),
        ({"nodes": 2}, 8, True),
        ({"processesPerNode": 1}, 8, False),
        ({"elastic": ELASTIC}, 0, True),
    ],
    ids=str,
)
def test_torchrun_starts_several_processes_of_a_node_and_elastic_ones(
    torch: dict[str, Any], gpus: int, rewritten: bool
) -> None:
    container = main_container(torch_pods(torch=torch, gpusPerWorker=gpus)["mnist-worker-0"])
    assert container["command"] == ["python", *(RUN if rewritten else []), "x.py"]


def test_arguments_that_name_the_program_are_seen_too() -> None:
    pod = torch_pods(command=["python"], args=["x.py", "-a"], torch={"processesPerNode": 2})["mnist-worker-0"]
    assert main_container(pod)["command"] == ["python", *RUN, "x.py", "-a"]
    assert "args" not in main_container(pod)


def test_processes_that_run_as_they_are_know_their_rank_and_the_world() -> None:
    pods = torch_pods(torch={"nodes": 3})
    for index in range(3):
        env = env_values(pods[f"mnist-worker-{index}"])
        assert (env["MASTER_ADDR"], env["MASTER_PORT"]) == ("mnist-worker-0.mnist", "29500")
        assert (env["RANK"], env["WORLD_SIZE"], env["LOCAL_RANK"]) == (str(index), "3", "0")


def test_torchrun_of_a_fixed_group_finds_nodes_processes_and_its_own_rank() -> None:
    pods = torch_pods(torch={"nodes": 2, "processesPerNode": 4})
    env = env_values(pods["mnist-worker-1"])
    assert {name: value for name, value in env.items() if name.startswith("PET_")} == {
        "PET_NNODES": "2",
        "PET_NPROC_PER_NODE": "4",
        "PET_NODE_RANK": "1",
        "PET_MASTER_ADDR": "mnist-worker-0.mnist",
        "PET_MASTER_PORT": "29500",
    }
    assert (env["WORLD_SIZE"], env["RANK"]) == ("8", "4")
    assert "LOCAL_RANK" not in env


def test_torchrun_of_an_elastic_group_meets_at_worker_0_which_hosts_the_store() -> None:
    pods = torch_pods(torch={"nodes": 2, "elastic": ELASTIC})
    hosts = [env_values(pods[f"mnist-worker-{index}"])["PET_RDZV_CONF"] for index in range(2)]
    assert hosts == ["is_host=1", "is_host=0"]
    env = env_values(pods["mnist-worker-1"])
    assert env["PET_NNODES"] == "1:4"
    assert (env["PET_RDZV_BACKEND"], env["PET_RDZV_ENDPOINT"]) == ("c10d", "mnist-worker-0.mnist:29500")
    assert env["PET_RDZV_ID"] == JOB_UID
    assert int(env["PET_MAX_RESTARTS"] or 0) > 3
    assert not {"RANK", "WORLD_SIZE", "PET_NODE_RANK"} & set(env)


def test_only_the_workers_beside_worker_0_of_an_elastic_job_can_be_replaced() -> None:
    plan = plan_job(make_job(command=["python", "x"], torch={"nodes": 3, "elastic": ELASTIC}), PlanOptions())
    assert [plan.replaceable(replica) for replica in plan.replicas] == [False, True, True]
    fixed = plan_job(make_job(torch={"nodes": 2}), PlanOptions())
    assert not any(fixed.replaceable(replica) for replica in fixed.replicas)


@pytest.mark.parametrize(
    ("torch", "gpus", "backend"),
    [({}, 0, "gloo"), ({}, 1, "nccl"), ({"backend": "ucc"}, 1, "ucc"), ({"backend": "gloo"}, 8, "gloo")],
    ids=str,
)
def test_backend_is_told_to_the_program(torch: dict[str, Any], gpus: int, backend: str) -> None:
    env = env_values(torch_pods(torch=torch, gpusPerWorker=gpus)["mnist-worker-0"])
    assert env["TRAININGJOB_TORCH_BACKEND"] == env["PL_TORCH_DISTRIBUTED_BACKEND"] == backend


def test_group_of_several_pods_waits_for_the_name_of_worker_0_and_one_alone_does_not() -> None:
    for pod in torch_pods(torch={"nodes": 2}).values():
        (preparation,) = pod["spec"]["initContainers"]
        assert preparation["command"][-1] == "mnist-worker-0.mnist"
        assert restricted_violations(pod) == []
    (alone,) = torch_pods(torch={}).values()
    assert "initContainers" not in alone["spec"]


def test_number_of_nodes_of_an_elastic_job_changes_no_pod_that_stays() -> None:
    two = torch_pods(torch={"nodes": 2, "elastic": ELASTIC})
    three = torch_pods(torch={"nodes": 3, "elastic": ELASTIC})
    assert {name: three[name] for name in two} == two
