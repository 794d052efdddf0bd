"""A control plane without nodes on which the resource is defined; every test has a namespace of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from devtools.cluster import Cluster, down, up
from devtools.paths import REPOSITORY
from tests.support.user import User

KEPT = "TRAININGJOB_TEST_CLUSTER"
"""Names a running cluster that is used, and left, as it is found: for a person who runs one test again and again."""

KUBERNETES = "TRAININGJOB_TEST_KUBERNETES"
"""The version of Kubernetes that is brought up, such as 1.30; the tool's newest without it."""

CRD = REPOSITORY / "crds" / "trainingjobs.trainingjob.dev.yaml"

Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Bring up a control plane and define the resource."""
    kept = os.environ.get(KEPT)
    name = kept or f"test-{os.getpid()}"
    try:
        found = Cluster.load(name) if kept else up(name=name, nodes=0, kubernetes=os.environ.get(KUBERNETES))
        User(found.full_environment(), "default").define(str(CRD))
        yield found
    finally:
        if not kept:
            down(name)


@contextmanager
def person_of(cluster: Cluster) -> Iterator[User]:
    """Return a person with a fresh namespace, which is gone afterwards."""
    person = User(cluster.full_environment(), f"team-{uuid4().hex[:8]}")
    person.kubectl("create", "namespace", person.namespace)
    try:
        yield person
    finally:
        person.kubectl("delete", "namespace", person.namespace, "--wait=false")


@pytest.fixture
def user(cluster: Cluster) -> Iterator[User]:
    """Return a person with a fresh namespace."""
    with person_of(cluster) as person:
        yield person


@pytest.fixture(scope="module")
def shared_user(cluster: Cluster) -> Iterator[User]:
    """Return a person whose namespace the tests of a module share, for those that leave nothing behind."""
    with person_of(cluster) as person:
        yield person


@pytest.fixture
def namespace(user: User) -> str:
    """Return the name of a fresh namespace."""
    return user.namespace


@pytest.fixture
def kubectl(user: User) -> Kubectl:
    """Return a function that runs kubectl in the fresh namespace, returns what it prints, raises RefusedError."""
    return user.kubectl
