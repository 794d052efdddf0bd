"""What the tests of the chart share: values files that stand for different installations, and a real API server."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devtools.cluster import Cluster, down, up
from devtools.shell import run
from tests.chart.installations import NAMES, load
from tests.chart.running import apply
from tests.support.helm import Manifest, render
from tests.support.user import User, wait_until

KUBERNETES = "TRAININGJOB_TEST_KUBERNETES"
"""The version of Kubernetes that is brought up, such as 1.30; the tool's newest without it."""


@pytest.fixture(params=NAMES)
def installation(request: pytest.FixtureRequest) -> Manifest:
    """Return the values of one installation, each in turn."""
    return load(request.param)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """Bring up an API server without nodes."""
    name = f"chart-{os.getpid()}"
    try:
        yield up(name, nodes=0, own=True, kubernetes=os.environ.get(KUBERNETES))
    finally:
        down(name)


@pytest.fixture(scope="session")
def definition(control_plane: Cluster) -> None:
    """Give the API server the definition of the chart."""
    apply(control_plane, [found for found in render() if found["kind"] == "CustomResourceDefinition"], "--server-side")
    words = ["kubectl", "api-resources", "--api-group=trainingjob.dev", "--no-headers"]
    wait_until(lambda: run(words, env=control_plane.environment()), bool, 30)


@pytest.fixture
def release(control_plane: Cluster, definition: None) -> str:  # noqa: ARG001 - jobs need their definition
    """Return a fresh namespace for an operator."""
    return _fresh_namespace(control_plane, "operator")


@pytest.fixture
def user(control_plane: Cluster, definition: None) -> User:  # noqa: ARG001 - jobs need their definition
    """Return a person in a fresh namespace."""
    return User(control_plane.full_environment(), _fresh_namespace(control_plane, "team"))


def _fresh_namespace(cluster: Cluster, prefix: str) -> str:
    name = f"{prefix}-{uuid4().hex[:8]}"
    apply(cluster, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    return name
