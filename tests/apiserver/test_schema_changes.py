"""What may change while a job exists, and what a stricter schema means for jobs that are stored already."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from devtools.cluster import Api, ApiError, Cluster
from tests.support.changes import FOR_EVER, WHILE_SUSPENDED, change
from tests.support.every_field import CHANGES, EVERY_FIELD
from tests.support.job_cases import manifest
from tests.support.malformed_jobs import MALFORMED
from tests.support.refused_jobs import REFUSED
from tests.support.user import RefusedError, User, wait_until
from trainingjob.api.crd import custom_resource_definition
from trainingjob.api.job_rules import MUTABLE, MUTABLE_WHILE_SUSPENDED

pytestmark = pytest.mark.apiserver

RATCHETING_MINOR = 33
"""Kubernetes 1.33 is the first to pass over rules on what a write of the status does not change."""

CREATED: dict[str, Any] = {"image": "registry.example.com/mnist:1.0"}
PYTORCH = {**CREATED, "command": ["python", "train.py"], "torch": {"nodes": 2, "backend": "gloo"}}
ELASTIC = {**PYTORCH, "torch": {**PYTORCH["torch"], "elastic": {"minNodes": 1, "maxNodes": 4}}}


@pytest.fixture(scope="module")
def stored_job(shared_user: User) -> str:
    """Return the name of a job with every field, which no test may change."""
    shared_user.apply_job("stored", **EVERY_FIELD)
    return "stored"


@pytest.mark.parametrize("field", sorted(CHANGES.keys() - MUTABLE - MUTABLE_WHILE_SUSPENDED - {"parameterServer"}))
def test_a_field_that_makes_the_pods_cannot_change(shared_user: User, stored_job: str, field: str) -> None:
    with pytest.raises(RefusedError) as caught:
        change(shared_user, stored_job, **{field: CHANGES[field]})
    assert f"spec: Forbidden: {field} {FOR_EVER}" in str(caught.value)


@pytest.mark.parametrize("field", sorted(MUTABLE))
def test_a_mutable_field_can_change(user: User, field: str) -> None:
    user.apply_job("mnist", **EVERY_FIELD)
    change(user, "mnist", **{field: CHANGES[field]})
    assert user.job("mnist")["spec"].get(field) == CHANGES[field]


def test_an_optional_field_cannot_be_added_later(user: User) -> None:
    user.apply_job("mnist", **CREATED)
    with pytest.raises(RefusedError, match="spec: Forbidden: args cannot change once the job exists"):
        change(user, "mnist", args=["--epochs", "20"])


def test_of_several_fields_that_cannot_change_the_first_is_named(user: User) -> None:
    user.apply_job("mnist", **CREATED)
    with pytest.raises(RefusedError) as caught:
        change(user, "mnist", stopGraceSeconds=5, podLabels={"team": "vision"}, image="other")
    assert str(caught.value).endswith(f"spec: Forbidden: image {FOR_EVER}")


def test_a_cancelled_job_stays_cancelled(user: User) -> None:
    user.apply_job("mnist", **CREATED, cancel=True)
    for back in (False, None):
        with pytest.raises(RefusedError) as caught:
            change(user, "mnist", cancel=back)
        told = "spec.cancel: Forbidden: a cancelled job stays cancelled; create the job under a new name"
        assert told in str(caught.value)


@pytest.mark.parametrize("nodes", [1, 3, 4])
def test_the_nodes_of_an_elastic_job_can_change_within_the_bounds(user: User, nodes: int) -> None:
    user.apply_job("mnist", **ELASTIC)
    change(user, "mnist", torch={"nodes": nodes})
    assert user.job("mnist")["spec"]["torch"] == {**ELASTIC["torch"], "nodes": nodes}


def test_the_nodes_of_an_elastic_job_can_change_again_and_again(user: User) -> None:
    user.apply_job("mnist", **ELASTIC)
    for nodes in (4, 1, 2):
        change(user, "mnist", torch={"nodes": nodes})
    assert user.job("mnist")["metadata"]["generation"] == 4


@pytest.mark.parametrize(
    ("created", "torch", "told"),
    [
        (
            ELASTIC,
            {"nodes": 5},
            "spec.torch.nodes: Forbidden: 5 is out of the bounds of elastic; choose 1 at least and 4 at most",
        ),
        (
            PYTORCH,
            {"nodes": 3},
            f"spec: Forbidden: torch.nodes without torch.elastic {WHILE_SUSPENDED}",
        ),
        (PYTORCH, {"backend": "nccl"}, f"spec: Forbidden: torch.backend {FOR_EVER}"),
        (PYTORCH, {"backend": None}, f"spec: Forbidden: torch.backend {FOR_EVER}"),
        (PYTORCH, {"processesPerNode": 2}, f"spec: Forbidden: torch.processesPerNode {FOR_EVER}"),
        (
            PYTORCH,
            {"nodes": 3, "elastic": {"minNodes": 1, "maxNodes": 4}},
            f"spec: Forbidden: torch.elastic {FOR_EVER}",
        ),
        (ELASTIC, {"elastic": {"maxNodes": 8}}, f"spec: Forbidden: torch.elastic {FOR_EVER}"),
        (ELASTIC, {"elastic": None}, f"spec: Forbidden: torch.elastic {FOR_EVER}"),
        (ELASTIC, None, f"spec: Forbidden: torch {FOR_EVER}"),
    ],
)
def test_everything_else_of_a_pytorch_job_cannot_change(
    user: User, created: dict[str, Any], torch: dict[str, Any] | None, told: str
) -> None:
    user.apply_job("mnist", **created)
    with pytest.raises(RefusedError) as caught:
        change(user, "mnist", torch=torch)
    assert told in str(caught.value)
    assert user.job("mnist")["spec"]["torch"] == created["torch"]


def test_an_mpi_job_cannot_change(user: User) -> None:
    user.apply_job("mnist", **CREATED, command=["python", "train.py"], mpi={"nodes": 2})
    with pytest.raises(RefusedError, match=r"spec: Forbidden: mpi\.implementation cannot change once the job exists"):
        change(user, "mnist", mpi={"implementation": "MPICH"})


def test_labels_and_annotations_of_a_job_may_change(user: User) -> None:
    user.apply_job("mnist", **CREATED)
    user.kubectl("label", "tjob", "mnist", "team=vision")
    user.kubectl("annotate", "tjob", "mnist", "example.com/note=x")
    assert user.job("mnist")["metadata"]["labels"] == {"team": "vision"}


def test_the_same_manifest_can_be_applied_again(user: User) -> None:
    user.apply_job("mnist", **EVERY_FIELD)
    user.apply_job("mnist", **EVERY_FIELD)
    assert user.job("mnist")["metadata"]["generation"] == 1


class Definition:
    """A copy of the resource in a group of its own, whose schema a test may tighten."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self.group = f"g{uuid4().hex[:8]}.example.com"
        self._path = f"/apis/{self.group}/v1/namespaces/{namespace}/trainingjobs"
        self._name = f"trainingjobs.{self.group}"

    def define(self, spec_schema: dict[str, Any] | None) -> None:
        """Create the definition: with the given schema of the spec and no rule at all, or with the real ones."""
        body = custom_resource_definition()
        body["metadata"]["name"] = self._name
        body["spec"]["group"] = self.group
        body["spec"]["names"] = {"kind": "TrainingJob", "plural": "trainingjobs"}
        root = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        if spec_schema is None:
            self._api.patch(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{self._name}", body)
            return
        root["properties"]["spec"] = spec_schema
        del root["x-kubernetes-validations"]
        self._api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)

    def remove(self) -> None:
        """Delete the definition with all its jobs."""
        self._api.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{self._name}")

    def create(self, job: dict[str, Any]) -> str:
        """Create a job and return an empty text, or why the server did not."""
        try:
            self._api.create(self._path, {**job, "apiVersion": f"{self.group}/v1"})
        except ApiError as error:
            return str(error)
        return ""

    def patch_status(self, name: str, status: dict[str, Any]) -> None:
        """Write a job's status as the operator does."""
        self._api.patch(f"{self._path}/{name}/status", {"status": status})

    def get(self, name: str) -> dict[str, Any]:
        """Return a job."""
        return self._api.get(f"{self._path}/{name}")


@pytest.fixture
def definition(cluster: Cluster, namespace: str) -> Iterator[Definition]:
    """Return a definition whose specs may hold anything."""
    with closing(Api(cluster.kubeconfig)) as api:
        found = Definition(api, namespace)
        found.define({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
        yield found
        found.remove()


def jobs_of_the_past(user: User) -> list[tuple[str, dict[str, Any]]]:
    """Return names and specs that the present schema refuses."""
    # Older servers check the rules on items of atomic lists again whenever the status is written.
    old = int(json.loads(user.kubectl("get", "--raw", "/version"))["minor"].rstrip("+")) < RATCHETING_MINOR
    refused = [case for case in REFUSED if not (old and case.in_atomic_list)]
    # Where the type of a field or of a list changes, no server can say that the stored value stays as it is.
    malformed = [case for case in MALFORMED if not case.incomparable]
    return [(case.name, case.spec) for case in refused] + [("mnist", case.spec) for case in malformed]


def test_the_status_of_jobs_that_a_stricter_schema_would_refuse_can_still_be_written(
    user: User, definition: Definition
) -> None:
    stored = jobs_of_the_past(user)
    jobs = [manifest(name if name != "mnist" else f"mnist-{index}", spec) for index, (name, spec) in enumerate(stored)]
    wait_until(lambda: definition.create(jobs[0]), lambda refused: not refused, 30)
    for job in jobs[1:]:
        assert definition.create(job) == ""

    definition.define(None)
    two_strategies = manifest("late", {"parameterServer": {}, "multiWorker": {}})
    wait_until(lambda: definition.create(two_strategies), lambda refused: "at most one" in refused, 30)

    for job in jobs:
        name = job["metadata"]["name"]
        definition.patch_status(name, {"phase": "Failed", "reason": "InvalidSpec", "observedGeneration": 1})
        assert definition.get(name)["status"]["phase"] == "Failed", name
