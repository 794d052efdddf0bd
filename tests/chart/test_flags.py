"""The chart starts the operator with options that the operator knows."""

from dataclasses import fields
from pathlib import Path

import pytest

from tests.chart.installations import load
from tests.support.helm import NAMESPACE, RELEASE, Manifest, chart_values, only, render
from trainingjob.controller.frameworks import read_catalogue
from trainingjob.controller.settings import ENVIRONMENT_PREFIX, Settings, parse_settings

pytestmark = pytest.mark.chart

LEFT_TO_THE_OPERATOR = {
    "kubeconfig",  # a pod has its service account
    "health_host",  # a pod has one address
    "health_port",  # the pod's own, nobody else can take it
    "shutdown_seconds",  # fits the pod's usual grace period
    "frameworks_file",  # always stands where the chart mounts it
}


def test_options_of_every_installation_are_understood_by_the_operator(installation: Manifest) -> None:
    settings = _settings(installation)
    assert settings.namespace == tuple(installation.get("watchNamespaces", ()))
    assert settings.lease_namespace == NAMESPACE


def test_defaults_of_the_chart_are_the_operators_own() -> None:
    """Only the log is another: machines read it in a cluster, people in a terminal."""
    assert _settings({}) == Settings(
        log_format="json",
        lease_name=RELEASE,
        lease_namespace=NAMESPACE,
        lease_identity="the-pod",
        sidecar_image=_container({})["image"],
        frameworks_file="/etc/trainingjob-operator/frameworks.json",
    )


def test_containers_in_training_pods_are_of_the_operators_own_image() -> None:
    for values in ({}, load("everything")):
        assert _settings(values).sidecar_image == _container(values)["image"]


def test_operator_reads_the_frameworks_of_the_values(tmp_path: Path) -> None:
    for values in ({}, load("everything")):
        objects = render(values)
        pod = only(objects, "Deployment")["spec"]["template"]["spec"]
        (volume,) = pod["volumes"]
        (config_map,) = (item for item in objects if item["kind"] == "ConfigMap")
        assert volume["configMap"]["name"] == config_map["metadata"]["name"]
        path = Path(_settings(values).frameworks_file)
        (mount,) = pod["containers"][0]["volumeMounts"]
        assert (mount["name"], mount["mountPath"]) == (volume["name"], str(path.parent))
        (tmp_path / path.name).write_text(config_map["data"][path.name])
        catalogue = read_catalogue(str(tmp_path / path.name))
        given = {**chart_values()["frameworks"], **values.get("frameworks", {})}
        assert {name: entry.manifest() for name, entry in catalogue.items()} == given


def test_operator_starts_anew_when_the_frameworks_change() -> None:
    def annotations(values: Manifest) -> Manifest:
        found: Manifest = only(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    other = {"frameworks": {"pytorch": {"default": "2.6"}}}
    assert annotations({}) == annotations({}) != annotations(other)


def test_every_option_is_set_by_the_chart_or_left_for_a_reason() -> None:
    """An installation with every value changed, elsewhere, changes every option but those that a pod needs not."""
    usual, other = _settings({}), _settings(load("everything"), namespace="elsewhere", pod="another-pod")
    same = {option.name for option in fields(Settings) if getattr(usual, option.name) == getattr(other, option.name)}
    assert same == LEFT_TO_THE_OPERATOR


def test_operator_listens_where_probes_and_metrics_look() -> None:
    container = _container({})
    (port,) = container["ports"]
    assert port["containerPort"] == Settings().health_port
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def _container(values: Manifest, namespace: str = NAMESPACE) -> Manifest:
    deployment = only(render(values, namespace=namespace), "Deployment")
    found: Manifest = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


def _settings(values: Manifest, *, namespace: str = NAMESPACE, pod: str = "the-pod") -> Settings:
    container = _container(values, namespace)
    environment = {variable["name"]: pod for variable in container["env"]}
    assert set(environment) == {f"{ENVIRONMENT_PREFIX}LEASE_IDENTITY"}
    return parse_settings(container["args"], environment)
