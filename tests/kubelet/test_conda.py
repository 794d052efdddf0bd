"""Packages of a conda channel reach a program on a real kubelet, in an image without conda."""

from collections.abc import Iterator

import pytest

from devtools.cluster import Cluster
from tests.support.artifact_jobs import plain
from tests.support.conda_channel import (
    PLACEHOLDER,
    CondaChannel,
    CondaPackage,
    borrowed_python,
    module_package,
    serving_channel,
)
from tests.support.user import User

pytestmark = pytest.mark.kubelet

POD = "digits-worker-0"
TRAIN = """
import os, subprocess, sys
import ourmodels

subprocess.run(["ourmodels"], check=True)
subprocess.run(["tool"], check=True)
print(ourmodels.VERSION, os.environ["TOOL_DATA"], os.environ["CONDA_PREFIX"], *sys.argv[1:], flush=True)
"""
FILE = """
name: digits
channels: [{}]
dependencies:
  - ourmodels >=1
"""
PREFIX = "/trainingjob/environment/conda"


@pytest.fixture
def channel(cluster: Cluster) -> Iterator[CondaChannel]:
    """Return a channel, which pods reach."""
    with serving_channel(cluster.host_address) as served:
        served.add(borrowed_python())
        served.add(module_package("ourmodels", "1.5", scripts=["ourmodels"]))
        tool = {
            "bin/tool": f"#!/bin/sh\necho the tool of {PLACEHOLDER}\n",
            "etc/conda/activate.d/tool.sh": 'export TOOL_DATA="$CONDA_PREFIX/share/tool"\n',
        }
        served.add(CondaPackage("tool", "2.0", tool))
        yield served


def test_program_of_a_source_runs_with_what_its_file_and_the_job_ask_of_conda(
    user: User, channel: CondaChannel
) -> None:
    files = {"train.py": TRAIN, "environment.yml": FILE.format(channel.url)}
    user.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}, "data": files})
    user.apply_job(
        "digits",
        **plain(),
        source={"configMap": {"name": "code"}},
        entrypoint="train.py",
        args=["a b"],
        environment={"conda": ["tool"], "condaFile": "environment.yml"},
    )
    status = user.wait_finished("digits", seconds=180)
    assert status["phase"] == "Succeeded", status
    log = user.kubectl("logs", POD).splitlines()
    assert log[0].startswith("ourmodels 1.5 ")
    assert log[1:] == [f"the tool of {PREFIX}", f"1.5 {PREFIX}/share/tool {PREFIX} a b"]
    installed = user.kubectl("logs", POD, "-c", "install-packages")
    assert "Installing with the operator's solver: tool, ourmodels >=1" in installed
    assert "ourmodels 1.5" in installed.splitlines()[-1]


def test_package_of_conda_that_does_not_exist_fails_the_job_at_once_with_the_words_of_the_solver(
    user: User, channel: CondaChannel
) -> None:
    environment = {"conda": ["ourmodels>=2"], "channels": [channel.url]}
    user.apply_job("digits", **plain(), command=["python", "-c", ""], environment=environment)
    status = user.wait_finished("digits", seconds=180)
    assert (status["phase"], status["reason"]) == ("Failed", "PackagesFailed")
    assert "No candidates were found for ourmodels >=2" in status["message"]
    assert (status["attempt"], status["restarts"]) == (0, 0)


def test_file_of_conda_that_cannot_be_honoured_fails_the_job_and_says_what_is_wrong(user: User) -> None:
    files = {"train.py": TRAIN, "environment.yml": "dependencies: [tool]\nprefix: /opt/conda\n"}
    user.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}, "data": files})
    environment = {"condaFile": "environment.yml"}
    source = {"configMap": {"name": "code"}}
    user.apply_job("digits", **plain(), source=source, entrypoint="train.py", environment=environment)
    status = user.wait_finished("digits", seconds=180)
    assert (status["phase"], status["reason"]) == ("Failed", "PackagesFailed")
    assert "'environment.yml': 'prefix' is not supported; take the line out" in status["message"]
