"""A real API server finds every rendered object valid and knows every field of it."""

import re

import pytest

from devtools.cluster import Cluster
from devtools.shell import run
from tests.chart.running import apply
from tests.support.helm import NAMESPACE, Manifest, notes, render

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

NOT_SERVED = {"ServiceMonitor"}
"""Kinds of the Prometheus operator: this API server does not have them."""


@pytest.fixture(autouse=True)
def _namespace(control_plane: Cluster) -> None:
    apply(control_plane, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])


def test_every_rendered_object_is_valid_without_an_unknown_field(
    installation: Manifest, control_plane: Cluster
) -> None:
    manifests = [manifest for manifest in render(installation) if manifest["kind"] not in NOT_SERVED]
    said = apply(control_plane, manifests, "--dry-run=server", "--validate=strict")
    assert said.count("(server dry run)") == len(manifests)


@pytest.mark.usefixtures("definition")
def test_first_job_of_the_notes_is_accepted(control_plane: Cluster) -> None:
    """The manifest is taken from the text that a person copies into a shell."""
    script = re.search(r"(?ms)^kubectl \S+ \S+ apply -f - .*?^MANIFEST$", notes())
    assert script is not None
    trial = script[0].replace("apply -f -", "apply --dry-run=server -f -")
    said = run(["sh", "-c", trial], env=control_plane.environment())
    assert said.strip() == "trainingjob.trainingjob.dev/hello created (server dry run)"
