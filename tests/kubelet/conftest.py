"""A real cluster of two nodes with the operator installed by its chart."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devtools.cluster import Cluster, down
from devtools.cluster.state import lock_of
from devtools.deploy import NAMESPACE, bring_up, example_names, install
from devtools.locking import locked
from devtools.progress import Progress
from tests.support.node_jobs import HERE
from tests.support.user import User

KEPT = "TRAININGJOB_TEST_CLUSTER_WITH_NODES"
"""Names a cluster that is made when it is missing, and left running: for several processes that share it, and for a
person who runs one test again and again."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Bring up two nodes, load the images, install the chart."""
    progress = Progress("kubelet")
    kept = os.environ.get(KEPT)
    name = kept or f"kubelet-{os.getpid()}"
    try:
        with locked(lock_of(name).with_name(f".{name}.tests.lock")):
            found = bring_up(name, 2, example_names(), progress)
            install(found, progress)
        yield found
    finally:
        if not kept:
            down(name=name)


@pytest.fixture
def user(cluster: Cluster) -> Iterator[User]:
    """Return a person in a namespace of their own, which enforces the restricted Pod Security level."""
    person = User(cluster.full_environment(), f"team-{uuid4().hex[:8]}")
    person.kubectl("create", "namespace", person.namespace)
    person.kubectl("label", "namespace", person.namespace, "pod-security.kubernetes.io/enforce=restricted")
    yield person
    person.kubectl("delete", "namespace", person.namespace, "--wait=false")


@pytest.fixture
def places(user: User) -> Iterator[tuple[str, str]]:
    """Return the node that stays, where the operator runs, and the one that is to be lost, with a label on it."""
    found = user.kubectl("get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].spec.nodeName}").split()
    stays = found[0]
    lost = "node-1" if stays == "node-2" else "node-2"
    user.kubectl("label", "node", lost, f"{HERE}=yes", "--overwrite")
    yield stays, lost
    user.kubectl("label", "nodes", "--all", f"{HERE}-")
