"""Install, upgrade, roll back and uninstall with the real Helm on a real API server that has no nodes."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from devtools.cluster import Cluster, down, up
from tests.chart.conftest import KUBERNETES
from tests.support.helm import CHART, NAMESPACE, RELEASE, Manifest, helm
from tests.support.user import RefusedError, User, wait_until

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

DEFINITION = "trainingjobs.trainingjob.dev"
COLUMN = {"name": "Priority", "type": "string", "jsonPath": ".spec.priorityClassName"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Bring up an API server of its own: here definitions come and go."""
    name = f"helm-{os.getpid()}"
    try:
        yield up(name, nodes=0, own=True, kubernetes=os.environ.get(KUBERNETES))
    finally:
        down(name)


@pytest.fixture
def administrator(cluster: Cluster) -> Iterator[User]:
    """Return a person who installs, on a cluster where nothing is left of the test before."""
    person = User(cluster.full_environment(), "default")
    yield person
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", env=cluster.environment())
    person.kubectl("delete", "crd", DEFINITION, "--ignore-not-found")


def test_installed_chart_passes_the_api_server_and_shows_the_next_commands(
    cluster: Cluster, administrator: User
) -> None:
    said = _install(cluster)
    assert f"rollout status deployment/{RELEASE}" in said
    deployment = json.loads(administrator.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json"))
    assert deployment["spec"]["replicas"] == 1


def test_uninstall_keeps_definition_and_jobs_and_a_new_installation_takes_them_over(
    cluster: Cluster, administrator: User
) -> None:
    _install(cluster)
    administrator.apply_job("mnist", image="example", command=["train"])
    before = administrator.job("mnist")["metadata"]
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", env=cluster.environment())
    with pytest.raises(RefusedError, match="not found"):
        administrator.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE)
    assert administrator.job("mnist")["metadata"] == before
    _install(cluster)
    assert administrator.job("mnist")["metadata"] == before


def test_uninstall_deletes_definition_and_jobs_when_told_not_to_keep_them(
    cluster: Cluster, administrator: User
) -> None:
    _install(cluster, {"crds": {"keep": False}})
    administrator.apply_job("mnist", image="example", command=["train"])
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", env=cluster.environment())
    with pytest.raises(RefusedError):
        administrator.job("mnist")


def test_upgrade_brings_a_changed_definition_and_rollback_takes_it_back(
    cluster: Cluster, administrator: User, tmp_path: Path
) -> None:
    _install(cluster)
    administrator.apply_job("mnist", image="example", command=["train"])
    job = administrator.job("mnist")["metadata"]["uid"]
    before = _columns(administrator)

    _install(cluster, chart=_with_another_column(tmp_path))
    assert _columns(administrator) == [COLUMN, *before]
    helm("rollback", RELEASE, "1", "--namespace", NAMESPACE, env=cluster.environment())
    assert _columns(administrator) == before
    assert administrator.job("mnist")["metadata"]["uid"] == job


def test_upgrade_to_every_installation_succeeds(installation: Manifest, cluster: Cluster, administrator: User) -> None:
    """Only objects that this API server knows: it has no Prometheus operator."""
    _install(cluster)
    values = {**installation, "metrics": {"service": {"enabled": False}}, "fullnameOverride": "", "nameOverride": ""}
    _install(cluster, values)
    assert _columns(administrator)


def _install(cluster: Cluster, values: Manifest | None = None, chart: Path = CHART) -> str:
    words = ("upgrade", "--install", RELEASE, chart, "--namespace", NAMESPACE, "--create-namespace")
    printed = helm(*words, values=values or {}, env=cluster.environment())
    # The API server tells of a new kind a moment after it has taken its definition.
    somebody = User(cluster.environment(), NAMESPACE)
    kinds = partial(somebody.kubectl, "api-resources", "--api-group=trainingjob.dev", "--cached=false", "-o", "name")
    wait_until(kinds, lambda names: DEFINITION in names, 60)
    return printed


def _columns(administrator: User) -> list[Manifest]:
    definition = json.loads(administrator.kubectl("get", "crd", DEFINITION, "-o", "json"))
    (version,) = definition["spec"]["versions"]
    found: list[Manifest] = version["additionalPrinterColumns"]
    return found


def _with_another_column(folder: Path) -> Path:
    """Return a copy of the chart whose definition has one more column, as a later release's might."""
    chart = folder / CHART.name
    shutil.copytree(CHART, chart)
    template = chart / "templates" / "crd.yaml"
    text = template.read_text()
    longer = re.sub(r"(additionalPrinterColumns:\n)( *- )", rf"\1\g<2>{json.dumps(COLUMN)}\n\2", text)
    assert longer != text
    template.write_text(longer)
    return chart
