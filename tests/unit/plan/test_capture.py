"""A copy of what programs print: which programs something stands in front of, and what that is told."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import init_containers, main_container, mounts_of, pod_of, render_pods, volumes_of
from tests.support.refused_environments import installing
from tests.support.refused_outputs import capturing
from tests.support.refused_sources import SCRIPTS
from trainingjob.plan import Manifest

FRONT = ["/bin/sh", "/trainingjob/tools/capture-output"]
WITHOUT = {"captureOutput": False}


def behind(container: Manifest) -> list[str]:
    """Return the command that runs behind what keeps the copy."""
    command: list[str] = container["command"]
    assert command[:2] == FRONT
    return command[3:]


def captured(**spec: Any) -> set[str]:
    """Return the names of the pods that keep a copy, which have exactly what that needs."""
    found = set()
    for name, pod in render_pods(make_job(**spec)).items():
        main = main_container(pod)
        parts = {
            main.get("command", [])[:2] == FRONT,
            "/trainingjob/tools" in mounts_of(main),
            "copy-tools" in init_containers(pod),
            "trainingjob-tools" in volumes_of(pod),
        }
        assert len(parts) == 1
        found |= {name} if parts == {True} else set()
    return found


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        (capturing(), "/app/logs/stdout-stderr.log"),
        (capturing(outputs={"stream": ["runs/tb", "logs"]}), "/app/runs/tb/stdout-stderr.log"),
        (
            {**SCRIPTS, "command": ["./run"], "outputs": {"uri": "s3://b", "captureOutput": True}},
            "/workspace/logs/stdout-stderr.log",
        ),
    ],
)
def test_the_copy_is_kept_in_the_first_folder_of_stream(spec: dict[str, Any], file: str) -> None:
    assert main_container(pod_of(**spec))["command"][:3] == [*FRONT, file]


@pytest.mark.parametrize(
    "spec",
    [
        {"args": ["--data", "$(A)"]},
        {"environment": {"pip": ["x"]}},
        {"torch": {"processesPerNode": 2}},
        {"mpi": {"launcherRunsWorker": True}},
        {"mpi": {}, "outputs": {"replicas": "All"}},
        {"entrypoint": "train.py", "command": None, "workingDir": None, **SCRIPTS, "environment": {"pip": ["x"]}},
    ],
)
def test_the_program_behind_it_is_the_one_that_would_run_without(spec: dict[str, Any]) -> None:
    spec = {name: value for name, value in capturing(**spec).items() if value is not None}
    plain = {**spec, "outputs": {**spec["outputs"], **WITHOUT}}
    name = "mnist-launcher-0" if "mpi" in spec else "mnist-worker-0"
    pod, other = pod_of(name, **spec), pod_of(name, **plain)
    main, expected = main_container(pod), main_container(other)
    assert behind(main) == expected["command"]
    assert mounts_of(main).pop("/trainingjob/tools") == {"name": "trainingjob-tools", "readOnly": True}
    mounts = [mount for mount in main["volumeMounts"] if mount["mountPath"] != "/trainingjob/tools"]
    assert {**main, "command": expected["command"], "volumeMounts": mounts} == expected
    assert restricted_violations(pod) == []


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, {"worker-0"}),
        ({"multiWorker": {"chief": True}}, {"chief-0"}),
        ({"multiWorker": {"workers": 2}}, {"worker-0"}),
        ({"multiWorker": {"workers": 2}, "outputs": {"replicas": "All"}}, {"worker-0", "worker-1"}),
        ({"mpi": {"nodes": 2, "launcherRunsWorker": True}}, {"launcher-0"}),
        ({"mpi": {"nodes": 2}, "outputs": {"replicas": "All"}}, {"launcher-0"}),
    ],
)
def test_whoever_keeps_what_it_writes_and_runs_the_program_keeps_what_it_prints(
    spec: dict[str, Any], names: set[str]
) -> None:
    assert captured(**capturing(**spec)) == {f"mnist-{name}" for name in names}


def test_nothing_of_it_is_in_the_pods_of_a_job_that_does_not_ask() -> None:
    assert captured(**capturing(outputs=WITHOUT)) == set()


def test_tools_are_copied_once_for_packages_and_for_the_copy() -> None:
    pod = pod_of(**{**capturing(), **installing()})
    assert list(init_containers(pod)) == ["copy-tools", "install-packages", "artifacts"]
    assert [volume["name"] for volume in pod["spec"]["volumes"]].count("trainingjob-tools") == 1
    assert mounts_of(init_containers(pod)["install-packages"])["/trainingjob/tools"] == {"name": "trainingjob-tools"}


def test_a_role_with_another_program_has_it_behind_the_same() -> None:
    override = {"worker": {"command": ["other", "program"]}}
    assert behind(main_container(pod_of(**capturing(overrides=override)))) == ["other", "program"]


def test_the_workers_of_an_mpi_job_serve_as_ever() -> None:
    pod = pod_of(**capturing(mpi={"nodes": 2}, outputs={"replicas": "All"}))
    assert main_container(pod)["command"] == ["/bin/sh", "/etc/trainingjob/mpi/worker.sh"]
    assert main_container(pod)["startupProbe"]
