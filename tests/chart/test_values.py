"""Every value of the chart acts, is described and is checked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.shell import CommandFailed
from tests.chart.installations import load
from tests.support.helm import CHART, Manifest, chart_values, described, nested, render, value_at

pytestmark = pytest.mark.chart

CHANGED: dict[str, Any] = {
    "crds.enabled": False,
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.interval": "5m",
    "metrics.serviceMonitor.labels": {"release": "prometheus"},
    "userRoles.create": False,
    "serviceAccount.create": False,
    "metrics.service.enabled": False,
}
"""Values whose change is not, or cannot be, in the file `everything.yaml`."""

NEEDED: dict[str, Manifest] = {
    "metrics.serviceMonitor.interval": nested("metrics.serviceMonitor.enabled", True),
    "metrics.serviceMonitor.labels": nested("metrics.serviceMonitor.enabled", True),
}
"""What must be set already for a value to mean anything."""

REFUSED = [
    ({"replica": 2}, "additional properties 'replica' not allowed"),
    ({"image": {"name": "x"}}, "additional properties 'name' not allowed"),
    ({"replicas": 0}, "/replicas"),
    ({"replicas": "two"}, "/replicas"),
    ({"securityProfile": "privileged"}, "'restricted', 'baseline'"),
    ({"logLevel": "loud"}, "'debug', 'info', 'warning', 'error'"),
    ({"watchNamespaces": "team-a"}, "/watchNamespaces"),
    ({"watchNamespaces": ["Team_A"]}, "/watchNamespaces/0"),
    ({"image": {"digest": "latest"}}, "/image/digest"),
    ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0"),
    ({"crds": {"enabled": "yes"}}, "/crds/enabled"),
    ({"nodeSelector": {"gpu": True}}, "/nodeSelector/gpu"),
    (
        {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
        "metrics.serviceMonitor.enabled needs metrics.service.enabled",
    ),
]


@pytest.mark.parametrize("path", described())
def test_changed_value_changes_the_rendered_objects(path: str) -> None:
    changed = CHANGED[path] if path in CHANGED else value_at(load("everything"), path)
    before = NEEDED.get(path, {})
    assert render(_merged(before, nested(path, changed))) != render(before)


@pytest.mark.parametrize(("values", "words"), REFUSED)
def test_wrong_value_is_refused_with_its_place(values: Manifest, words: str) -> None:
    with pytest.raises(CommandFailed) as refusal:
        render(values)
    assert words in str(refusal.value)


def test_unknown_value_is_refused_at_every_level() -> None:
    """An object of the schema either lists its values, or is a free map or list of Kubernetes' own."""
    open_objects = {path for path, found in _objects(_schema()) if "additionalProperties" not in found}
    assert open_objects == {".global", ".affinity", ".tolerations[]", ".topologySpreadConstraints[]"}


def test_schema_describes_exactly_the_values_that_exist() -> None:
    without = chart_values()
    for path in described():
        above, _, name = path.rpartition(".")
        holder = value_at(without, above) if above else without
        del holder[name]
    assert _empty(without)


def _schema() -> Manifest:
    found: Manifest = json.loads((CHART / "values.schema.json").read_text())
    return found


def _merged(first: Manifest, second: Manifest) -> Manifest:
    both = {key: _merged(first[key], second[key]) for key in first.keys() & second.keys()}
    return {**first, **second, **both}


def _empty(values: Manifest) -> bool:
    return all(isinstance(value, dict) and _empty(value) for value in values.values())


def _objects(schema: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    if schema.get("type") == "object":
        yield path, schema
    for name, found in schema.get("properties", {}).items():
        yield from _objects(found, f"{path}.{name}")
    if "items" in schema:
        yield from _objects(schema["items"], f"{path}[]")
