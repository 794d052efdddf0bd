"""Code that is not in the image: what fetches it, where the program finds it, what it runs."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import (
    init_containers,
    main_container,
    mounts_of,
    pod_of,
    render_pods,
    task_of,
    volumes_of,
)
from tests.support.refused_sources import SCRIPTS, git
from tests.support.strategy_jobs import TRAIN
from trainingjob.contract.tasks import FetchSource
from trainingjob.plan import Manifest, PlanOptions, plan_job

SECRET = {"name": "trainingjob-credentials-source", "readOnly": True}


def fetching(**spec: Any) -> Manifest:
    """Return the container that fetches a job's source."""
    return init_containers(pod_of(**spec))["fetch-source"]


def test_a_source_is_fetched_into_the_folder_in_which_the_program_starts() -> None:
    pod = pod_of(**git(), entrypoint="train.py")
    fetch, main = fetching(**git(), entrypoint="train.py"), main_container(pod)
    assert list(init_containers(pod)) == ["fetch-source"]
    assert volumes_of(pod)["trainingjob-workspace"] == {"emptyDir": {}}
    assert mounts_of(fetch) == {"/workspace": {"name": "trainingjob-workspace"}}
    assert mounts_of(main)["/workspace"] == {"name": "trainingjob-workspace"}
    assert main["workingDir"] == "/workspace"
    assert fetch["command"] == ["python", "-P", "-m", "trainingjob.sidecar", "fetch-source"]
    assert restricted_violations(pod) == []


@pytest.mark.parametrize(
    ("source", "memory"),
    [(git(), "1Gi"), ({"source": {"configMap": {"name": "code"}}, "command": ["python", "train.py"]}, "256Mi")],
)
def test_the_container_that_fetches_is_of_the_operators_image_and_asks_for_little(
    source: dict[str, Any], memory: str
) -> None:
    plan = plan_job(make_job(**source, gpusPerWorker=8), PlanOptions(own_image="ours:1"))
    fetch = init_containers(plan.render(plan.replicas[0], 0))["fetch-source"]
    assert fetch["image"] == "ours:1"
    assert fetch["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": memory}}
    assert {"name": "TRAININGJOB_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}} in fetch["env"]


@pytest.mark.parametrize(
    ("spec", "fetched"),
    [
        (git(), {"kind": "git", "url": "https://git.example.com/code.git", "ref": "", "path": "", "credentials": ""}),
        (
            git(ref="v1", path="src", secretRef={"name": "git"}),
            {
                "kind": "git",
                "url": "https://git.example.com/code.git",
                "ref": "v1",
                "path": "src",
                "credentials": "/trainingjob/credentials/source",
            },
        ),
        (
            {"source": {"archive": {"uri": "s3://b/k", "sha256": "a" * 64, "secretRef": {"name": "s3"}}}},
            {
                "kind": "archive",
                "uri": "s3://b/k",
                "sha256": "a" * 64,
                "credentials": "/trainingjob/credentials/source",
            },
        ),
        (SCRIPTS, {"kind": "folder", "folder": "/trainingjob/stores/source"}),
        (
            {"source": {"pvc": {"claimName": "code", "path": "a/b"}}},
            {"kind": "folder", "folder": "/trainingjob/stores/source/a/b"},
        ),
    ],
)
def test_a_kind_of_source_is_told_to_the_container_as_it_reads_it(spec: dict[str, Any], fetched: Manifest) -> None:
    task = task_of(fetching(**spec, command=TRAIN))
    assert task["source"] == fetched
    assert FetchSource.model_validate(task).workspace == "/workspace"


@pytest.mark.parametrize(
    ("spec", "volume"),
    [
        (git(secretRef={"name": "git"}), {"secret": {"secretName": "git", "defaultMode": 0o444}}),
        (
            {"source": {"archive": {"uri": "s3://b/k", "secretRef": {"name": "s3"}}}},
            {"secret": {"secretName": "s3", "defaultMode": 0o444}},
        ),
        (
            {"source": {"configMap": {"name": "a", "items": [{"key": "b", "path": "c/d"}]}}},
            {"configMap": {"name": "a", "items": [{"key": "b", "path": "c/d"}]}},
        ),
        ({"source": {"pvc": {"claimName": "code", "path": "a"}}}, {"persistentVolumeClaim": {"claimName": "code"}}),
    ],
)
def test_what_a_source_is_read_with_is_mounted_read_only_and_nowhere_else(
    spec: dict[str, Any], volume: Manifest
) -> None:
    pod = pod_of(**spec)
    (name,) = (name for name, content in volumes_of(pod).items() if content == volume)
    (mount,) = (mount for mount in mounts_of(fetching(**spec)).values() if mount["name"] == name)
    assert mount["readOnly"] is True
    assert name not in [mount["name"] for mount in mounts_of(main_container(pod)).values()]


@pytest.mark.parametrize(
    ("entrypoint", "command", "checked"),
    [
        ("train.py", ["python", "train.py"], "train.py"),
        ("./a b/run.sh", ["sh", "./a b/run.sh"], "./a b/run.sh"),
        ("-m trainer.task", ["python", "-m", "trainer.task"], ""),
    ],
)
def test_an_entrypoint_is_run_by_what_its_name_says(entrypoint: str, command: list[str], checked: str) -> None:
    pod = pod_of(**SCRIPTS, entrypoint=entrypoint, args=["--epochs", "3"])
    assert main_container(pod)["command"] == command
    assert main_container(pod)["args"] == ["--epochs", "3"]
    assert task_of(init_containers(pod)["fetch-source"])["entrypoint"] == checked


def test_a_role_with_a_command_of_its_own_does_not_run_the_entrypoint() -> None:
    job = make_job(
        **SCRIPTS, entrypoint="train.py", multiWorker={"chief": True}, overrides={"chief": {"command": ["lead"]}}
    )
    commands = {name: main_container(pod)["command"] for name, pod in render_pods(job).items()}
    assert commands["mnist-chief-0"] == ["lead"]
    assert commands["mnist-worker-0"] == ["python", "train.py"]


def test_an_entrypoint_runs_under_mpirun_and_torchrun_like_a_command() -> None:
    launcher = pod_of("mnist-launcher-0", **SCRIPTS, entrypoint="train.py", mpi={"nodes": 2})
    assert main_container(launcher)["command"] == ["mpirun", "-np", "2", "python", "train.py"]
    worker = pod_of(**SCRIPTS, entrypoint="train.py", args=["-x"], torch={"processesPerNode": 2})
    assert main_container(worker)["command"] == ["python", "-m", "torch.distributed.run", "train.py", "-x"]


def test_every_pod_of_an_mpi_job_has_the_source_before_it_looks_for_the_program_in_it() -> None:
    for pod in render_pods(make_job(**SCRIPTS, command=["./run.sh"], mpi={})).values():
        fetch, prepare = init_containers(pod).values()
        assert (fetch["name"], prepare["name"]) == ("fetch-source", "prepare")
        assert prepare["workingDir"] == "/workspace"
        assert prepare["volumeMounts"] != []
        assert mounts_of(prepare)["/workspace"] == {"name": "trainingjob-workspace"}


def test_the_way_out_of_the_network_is_told_and_no_other_variable() -> None:
    env = [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "no_proxy", "value": ".svc"},
        {"name": "TOKEN", "value": "secret"},
        {"name": "HTTP_PROXY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
    ]
    names = [item["name"] for item in fetching(**git(), env=env)["env"]]
    assert names == ["TRAININGJOB_TASK", "TRAININGJOB_POD_UID", "HOME", "HTTPS_PROXY", "no_proxy"]


def test_a_text_that_looks_like_a_reference_reaches_the_container_as_it_is() -> None:
    container = fetching(**SCRIPTS, entrypoint="$(HOME)/$$/a.py")
    assert task_of(container)["entrypoint"] == "$(HOME)/$$/a.py"


def test_a_job_without_any_of_this_has_no_container_and_no_volume_of_it() -> None:
    pod = pod_of(multiWorker={})
    assert "initContainers" not in pod["spec"]
    assert volumes_of(pod).keys() == {"trainingjob-shm", "trainingjob-home"}
