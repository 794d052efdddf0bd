"""What the chart makes of its values."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devtools.paths import REPOSITORY
from devtools.shell import CommandFailed
from tests.support.helm import CHART, NAMESPACE, RELEASE, Manifest, helm, notes, only, render
from tests.support.rbac import allowed

pytestmark = pytest.mark.chart

CLUSTER_KINDS = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def test_every_installation_passes_the_strict_linter(installation: Manifest) -> None:
    helm("lint", "--strict", CHART, values=installation)


def test_every_object_says_its_namespace_and_its_release(installation: Manifest) -> None:
    for manifest in render(installation):
        metadata = manifest["metadata"]
        assert ("namespace" in metadata) == (manifest["kind"] not in CLUSTER_KINDS), manifest["kind"]
        assert metadata["labels"]["app.kubernetes.io/instance"] == RELEASE


def test_equal_values_give_equal_objects(installation: Manifest) -> None:
    """Else GitOps tools would find a difference for ever."""
    words = ("template", RELEASE, CHART)
    assert helm(*words, values=installation) == helm(*words, values=installation)


def test_rights_read_no_secret_run_nothing_in_pods_and_have_no_wildcard(installation: Manifest) -> None:
    rights = allowed(render(installation))
    for group, resource, verb in rights:
        assert "*" not in (group, resource, verb)
        assert resource not in {"pods/exec", "serviceaccounts", "nodes"}
        assert verb not in {"escalate", "bind", "impersonate"}
    assert {verb for _, resource, verb in rights if resource.startswith("secrets")} == {"create"}


@pytest.mark.parametrize(
    ("scheduler", "group"), [("volcano", "scheduling.volcano.sh"), ("coscheduling", "scheduling.x-k8s.io")]
)
def test_rights_on_pod_groups_are_given_for_the_chosen_scheduler_alone(scheduler: str, group: str) -> None:
    added = allowed(render({"gangSchedulers": {scheduler: True}})) - allowed(render())
    assert added == {(group, "podgroups", verb) for verb in ("get", "create", "delete")}


def test_watched_namespaces_get_a_role_each_instead_of_a_cluster_role() -> None:
    rendered = render({"watchNamespaces": ["team-a", "team-b"], "userRoles": {"create": False}})
    assert not [manifest for manifest in rendered if manifest["kind"] in {"ClusterRole", "ClusterRoleBinding"}]
    roles = {manifest["metadata"]["namespace"] for manifest in rendered if manifest["kind"] == "Role"}
    bindings = {manifest["metadata"]["namespace"] for manifest in rendered if manifest["kind"] == "RoleBinding"}
    assert roles == bindings == {"team-a", "team-b", NAMESPACE}
    assert allowed(rendered) == allowed(render())


def test_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    pod = _pod(render({"image": {"repository": "registry.example.com/x", "tag": "1", "digest": digest}}))
    assert pod["containers"][0]["image"] == f"registry.example.com/x@{digest}"


def test_pod_labels_cannot_take_the_pods_away_from_their_deployment() -> None:
    deployment = only(render({"podLabels": {"app.kubernetes.io/name": "mine", "team": "a"}}), "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert labels.items() >= deployment["selector"]["matchLabels"].items()
    assert labels["team"] == "a"


def test_operator_pod_satisfies_the_restricted_level_with_a_read_only_root() -> None:
    pod = _pod(render())
    (container,) = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [set(volume) for volume in pod["volumes"]] == [{"name", "configMap"}]
    assert set(container["resources"]) == {"requests", "limits"}


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_disruption_budget_exists_only_where_a_second_operator_stands_by(replicas: int, budgets: int) -> None:
    rendered = render({"replicas": replicas})
    assert sum(manifest["kind"] == "PodDisruptionBudget" for manifest in rendered) == budgets


def test_two_installations_of_one_name_share_no_object() -> None:
    first, second = (_identities(render({"crds": {"enabled": False}}, namespace=name)) for name in ("a", "b"))
    assert not first & second


def test_monitor_finds_the_service_and_the_service_finds_the_pods() -> None:
    rendered = render({"metrics": {"serviceMonitor": {"enabled": True}}})
    monitor, service = only(rendered, "ServiceMonitor")["spec"], only(rendered, "Service")
    template = only(rendered, "Deployment")["spec"]["template"]
    (endpoint,), (port,) = monitor["endpoints"], service["spec"]["ports"]
    assert service["metadata"]["labels"].items() >= monitor["selector"]["matchLabels"].items()
    assert monitor["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    assert endpoint["port"] == port["name"]
    assert template["metadata"]["labels"].items() >= service["spec"]["selector"].items()
    assert port["targetPort"] in {found["name"] for found in template["spec"]["containers"][0]["ports"]}


@pytest.mark.parametrize(
    ("crds", "policy"),
    [({}, "keep"), ({"keep": False}, None), ({"enabled": True, "keep": True}, "keep")],
)
def test_definition_is_kept_unless_told_otherwise(crds: Manifest, policy: str | None) -> None:
    definition = only(render({"crds": crds}), "CustomResourceDefinition")
    assert definition["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == policy


def test_definition_of_the_chart_is_the_generated_one() -> None:
    generated = yaml.safe_load((REPOSITORY / "crds" / "trainingjobs.trainingjob.dev.yaml").read_text())
    rendered = only(render(), "CustomResourceDefinition")
    assert rendered["spec"] == generated["spec"]
    assert rendered["metadata"]["name"] == generated["metadata"]["name"]


def test_definition_is_left_out_when_it_comes_from_elsewhere() -> None:
    rendered = render({"crds": {"enabled": False}})
    assert "CustomResourceDefinition" not in {manifest["kind"] for manifest in rendered}


def test_notes_warn_before_an_uninstall_would_delete_every_job() -> None:
    assert "EVERY JOB" in notes({"crds": {"keep": False}})
    assert "EVERY JOB" not in notes()
    assert "by other means" in notes({"crds": {"enabled": False}})


def test_kubernetes_older_than_supported_is_refused() -> None:
    with pytest.raises(CommandFailed, match=re.escape("1.30.0-0")):
        helm("template", RELEASE, CHART, "--kube-version", "1.29.9")


def test_package_chart_and_image_carry_one_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    label = re.search(r'image\.version="([^"]+)"', (REPOSITORY / "Dockerfile").read_text())
    assert label is not None
    assert {project, chart["version"], chart["appVersion"], label[1]} == {project}


def _pod(rendered: list[Manifest]) -> Manifest:
    found: Manifest = only(rendered, "Deployment")["spec"]["template"]["spec"]
    return found


def _identities(rendered: list[Manifest]) -> set[tuple[Any, ...]]:
    return set(_identity(rendered))


def _identity(rendered: list[Manifest]) -> Iterator[tuple[Any, ...]]:
    for manifest in rendered:
        metadata = manifest["metadata"]
        yield manifest["kind"], metadata.get("namespace"), metadata["name"]
