"""What a job that brings code and data and keeps what it writes is given: pods that a real API server lets in."""

import json

import pytest

from tests.support.job_cases import Accepted
from tests.support.user import User
from tests.unit.plan.test_additions import CASES, pods_of

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def restricted_user(shared_user: User) -> User:
    """Return a person in whose namespace only pods of the restricted level may run."""
    level = "pod-security.kubernetes.io/enforce=restricted"
    shared_user.kubectl("label", "namespace", shared_user.namespace, level, "--overwrite")
    return shared_user


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_pods_of_a_job_are_let_in(restricted_user: User, case: Accepted) -> None:
    pods = [
        {**pod, "metadata": {**pod["metadata"], "namespace": restricted_user.namespace, "name": f"pod-{number}"}}
        for number, pod in enumerate(pods_of(case))
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    restricted_user.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=listed)
