"""Packages beside those of the image: what installs them, and that every program sees them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
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
from tests.support.refused_environments import installing, with_conda
from tests.support.refused_sources import SCRIPTS
from tests.support.strategy_jobs import mpi
from trainingjob.contract.tasks import CondaPackages, CopyTools, InstallPackages
from trainingjob.plan import Manifest

WITHIN = ["/bin/sh", "-c"]
SHELLS = ["dash", "bash"]


def install_of(pod: Manifest) -> Manifest:
    """Return the container that installs a pod's packages."""
    return init_containers(pod)["install-packages"]


def program_of(container: Manifest) -> list[str]:
    """Return what a container runs within its environment."""
    command: list[str] = container["command"]
    assert command[:2] == WITHIN
    assert command[3] == "sh"
    return command[4:]


def test_packages_are_installed_in_the_training_image_by_what_ours_has_copied() -> None:
    pod = pod_of(**installing(), env=[{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}])
    copy, install = init_containers(pod).values()
    assert (copy["name"], copy["image"]) == ("copy-tools", "trainingjob-operator")
    assert mounts_of(copy) == {"/trainingjob/tools": {"name": "trainingjob-tools"}}
    assert install["image"] == main_container(pod)["image"]
    assert install["command"] == ["/bin/sh", "/trainingjob/tools/install-packages"]
    assert mounts_of(install)["/trainingjob/tools"] == {"name": "trainingjob-tools"}
    assert mounts_of(install)["/trainingjob/environment"] == {"name": "trainingjob-environment"}
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in install["env"]
    assert restricted_violations(pod) == []


def test_the_installation_is_told_everything_and_nothing_secret() -> None:
    spec = installing("a", "b>=2", indexUrl="https://i/s", secretRef={"name": "pypi"}, cache={"claimName": "packages"})
    task = task_of(install_of(pod_of(**spec)))
    assert InstallPackages.model_validate(task) == InstallPackages(
        environment="/trainingjob/environment",
        pip=("a", "b>=2"),
        index_url="https://i/s",
        credentials="/trainingjob/credentials/packages",
        cache="/trainingjob/stores/packages",
    )


def test_a_list_of_packages_is_read_from_the_source_that_is_fetched_before() -> None:
    pod = pod_of(**SCRIPTS, entrypoint="train.py", environment={"pipFile": "requirements.txt"})
    assert list(init_containers(pod)) == ["fetch-source", "copy-tools", "install-packages"]
    task = task_of(install_of(pod))
    assert (task["pip_file"], task["workspace"]) == ("requirements.txt", "/workspace")
    assert mounts_of(install_of(pod))["/workspace"] == {"name": "trainingjob-workspace"}


def copy_task(pod: Manifest) -> CopyTools:
    """Return what the container is told that copies the tools of a pod."""
    return CopyTools.model_validate(task_of(init_containers(pod)["copy-tools"]))


def test_what_conda_installs_is_told_to_who_brings_the_tools() -> None:
    pod = pod_of(**with_conda("numpy>=1.26", channels=["conda-forge"], pip=["six"]))
    assert copy_task(pod).conda == CondaPackages(packages=("numpy>=1.26",), channels=("conda-forge",))
    assert task_of(install_of(pod))["pip"] == ["six"]
    assert list(init_containers(pod)) == ["copy-tools", "install-packages"]
    assert copy_task(pod_of(**installing())).conda is None
    assert restricted_violations(pod) == []


def test_the_list_of_conda_is_read_from_the_source_by_who_brings_the_tools() -> None:
    pod = pod_of(**SCRIPTS, entrypoint="train.py", environment={"condaFile": "a/environment.yml"})
    assert copy_task(pod).conda == CondaPackages(file="a/environment.yml", workspace="/workspace")
    assert list(init_containers(pod)) == ["fetch-source", "copy-tools", "install-packages"]
    assert set(mounts_of(init_containers(pod)["copy-tools"])) == {"/trainingjob/tools", "/workspace"}
    # The list of pip in it may name files of the source.
    assert "/workspace" in mounts_of(install_of(pod))
    alone = pod_of(**SCRIPTS, entrypoint="train.py", environment={"conda": ["a"]})
    assert set(mounts_of(init_containers(alone)["copy-tools"])) == {"/trainingjob/tools"}


@pytest.mark.parametrize(
    ("spec", "pod", "cuda"),
    [
        ({}, "worker-0", False),
        ({"gpusPerWorker": 1}, "worker-0", True),
        ({"gpusPerWorker": 1, "accelerator": "amd.com/gpu"}, "worker-0", False),
        ({"gpusPerWorker": 1, "parameterServer": {}}, "worker-0", True),
        ({"gpusPerWorker": 1, "parameterServer": {}}, "ps-0", False),
    ],
)
def test_conda_is_told_of_gpus_that_it_does_not_see(spec: dict[str, Any], pod: str, cuda: bool) -> None:
    assert task_of(install_of(pod_of(f"mnist-{pod}", **with_conda(), **spec)))["cuda"] is cuda


def test_the_installation_has_the_programs_resources_without_its_gpus() -> None:
    resources = {"limits": {"memory": "8Gi"}}
    pod = pod_of(**installing(), gpusPerWorker=2, resources=resources)
    assert install_of(pod)["resources"] == resources
    assert main_container(pod)["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_index_credentials_and_cache_are_mounted_where_packages_are_installed_and_nowhere_else() -> None:
    pod = pod_of(**installing(secretRef={"name": "pypi"}, cache={"claimName": "packages"}))
    secret, cache = "trainingjob-credentials-packages", "trainingjob-claim-packages"
    assert volumes_of(pod)[secret] == {"secret": {"secretName": "pypi", "defaultMode": 0o444}}
    assert volumes_of(pod)[cache] == {"persistentVolumeClaim": {"claimName": "packages"}}
    assert mounts_of(install_of(pod))["/trainingjob/credentials/packages"] == {"name": secret, "readOnly": True}
    assert mounts_of(install_of(pod))["/trainingjob/stores/packages"] == {"name": cache}
    for container in (main_container(pod), init_containers(pod)["copy-tools"]):
        assert not {secret, cache} & {mount["name"] for mount in mounts_of(container).values()}


def test_data_is_not_mounted_where_packages_are_installed_before_it_is_there() -> None:
    inputs = [{"name": "a", "uri": "s3://b/k"}, {"name": "b", "pvc": {"claimName": "digits"}}]
    pod = pod_of(**installing(), inputs=inputs)
    mounted = {mount["name"] for mount in mounts_of(install_of(pod)).values()}
    assert not mounted & {"trainingjob-inputs", "trainingjob-claim-input-b"}
    assert list(init_containers(pod)) == ["copy-tools", "install-packages", "download-inputs"]


@pytest.mark.parametrize(
    ("spec", "pod", "program"),
    [
        (installing(), "worker-0", ["python", "train.py"]),
        (
            {**SCRIPTS, "entrypoint": "-m a.b", "environment": {"pip": ["x"]}},
            "worker-0",
            ["python", "-m", "a.b"],
        ),
        (
            {**installing(), "torch": {"processesPerNode": 2}},
            "worker-0",
            ["python", "-m", "torch.distributed.run", "train.py"],
        ),
        ({**installing(), **mpi()}, "launcher-0", ["mpirun", "-np", "2", "python", "train.py"]),
        ({**installing(), **mpi()}, "worker-0", ["/bin/sh", "/etc/trainingjob/mpi/worker.sh"]),
    ],
)
def test_whatever_a_role_runs_is_run_with_the_packages(spec: dict[str, Any], pod: str, program: list[str]) -> None:
    main = main_container(pod_of(f"mnist-{pod}", **spec))
    assert program_of(main) == program
    assert mounts_of(main)["/trainingjob/environment"] == {"name": "trainingjob-environment"}


def test_arguments_of_a_program_with_packages_follow_it_as_ever() -> None:
    main = main_container(pod_of(**installing(), args=["--data", "$(INPUT_A)"]))
    assert program_of(main) == ["python", "train.py"]
    assert main["args"] == ["--data", "$(INPUT_A)"]


def test_the_programs_of_an_mpi_job_are_looked_for_among_the_packages_as_well() -> None:
    for pod in render_pods(make_job(**{**mpi(), **installing()})).values():
        prepare = init_containers(pod)["prepare"]
        assert program_of(prepare)[:2] == ["/bin/sh", "/etc/trainingjob/mpi/prepare.sh"]
        assert "/trainingjob/environment" in mounts_of(prepare)
        assert list(init_containers(pod)) == ["copy-tools", "install-packages", "prepare"]


def run_within(shell: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run words as a container with packages does, by one of the shells that images have."""
    _, flag, text, name, *_ = main_container(pod_of(**installing()))["command"]
    return subprocess.run([shell, flag, text, name, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_sees_the_packages_first_and_its_words_as_they_are(shell: str) -> None:
    words = ["a b", "$HOME", '"', "'; exit 3; '", "*", ""]
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['PATH'], os.environ['VIRTUAL_ENV']]))"
    # This very interpreter: one that is only found on PATH may be a script that changes PATH.
    ended = run_within(shell, sys.executable, "-c", code, *words)
    seen, path, environment = json.loads(ended.stdout)
    assert seen == words
    assert path == f"/trainingjob/environment/bin:{os.environ['PATH']}"
    assert environment == "/trainingjob/environment"


@pytest.mark.parametrize("spec", [with_conda(), {**with_conda(), **mpi()}])
def test_a_program_with_packages_of_conda_reads_what_the_installation_has_left(spec: dict[str, Any]) -> None:
    for pod in render_pods(make_job(**spec)).values():
        for container in (main_container(pod), *init_containers(pod).values()):
            if container["name"] in ("main", "prepare"):
                assert container["command"][2] == '. /trainingjob/environment/activate.sh && exec "$@"'
                assert "/trainingjob/environment" in mounts_of(container)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_whose_packages_are_not_there_does_not_run_without_them(shell: str) -> None:
    _, flag, text, name, *_ = main_container(pod_of(**with_conda()))["command"]
    ended = subprocess.run([shell, flag, text, name, "echo", "ran"], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "ran\n" not in ended.stdout
    assert "/trainingjob/environment/activate.sh" in ended.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_with_packages_ends_as_it_would_without(shell: str) -> None:
    assert run_within(shell, "sh", "-c", "exit 42").returncode == 42
    assert run_within(shell, "sh", "-c", "kill -KILL $$").returncode == -signal.SIGKILL
    absent = run_within(shell, "no-such-program")
    assert absent.returncode == 127
    assert "no-such-program" in absent.stderr


def test_a_program_with_packages_is_the_process_itself_and_no_child_of_a_shell() -> None:
    ended = run_within("dash", "sh", "-c", "echo $$; cat /proc/$$/status")
    pid, *status = ended.stdout.splitlines()
    parent = next(line.split()[1] for line in status if line.startswith("PPid:"))
    assert Path(f"/proc/{parent}").exists()
    assert parent == str(os.getpid()) != pid
