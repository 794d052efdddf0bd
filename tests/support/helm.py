"""Render the project's chart with the real Helm, which is built once into the shared cache."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster.building import ensure
from devtools.cluster.toolsets import HELM
from devtools.paths import REPOSITORY
from devtools.progress import Progress
from devtools.shell import run

CHART = REPOSITORY / "charts" / "trainingjob-operator"
RELEASE = "trainingjob-operator"
NAMESPACE = "trainingjob-system"

Manifest = dict[str, Any]


@functools.cache
def helm_program() -> Path:
    """Return the path of Helm, built first where it is missing."""
    return ensure([HELM], Progress("helm"))[HELM.name] / "helm"


def helm(*words: str | Path, values: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run Helm with the values on its standard input and return what it printed.

    Raises:
        CommandFailed: when Helm refuses; the message holds its own words.
    """
    given = [] if values is None else ["--values", "-"]
    return run([helm_program(), *words, *given], stdin=json.dumps(values or {}), env=env, timeout=600)


def render(
    values: Mapping[str, Any] | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE
) -> list[Manifest]:
    """Return the objects that the chart makes of these values."""
    text = _template(json.dumps(values or {}), release, namespace)
    # The loader in C: the definition is long.
    return [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]


@functools.cache
def _template(values: str, release: str, namespace: str) -> str:
    return helm("template", release, CHART, "--namespace", namespace, values=json.loads(values))


def notes(values: Mapping[str, Any] | None = None, *, release: str = RELEASE, namespace: str = NAMESPACE) -> str:
    """Return what Helm prints after an installation with these values."""
    words = ("install", release, CHART, "--namespace", namespace, "--dry-run=client", "--output", "json")
    return str(json.loads(helm(*words, values=values or {}))["info"]["notes"])


def only(rendered: list[Manifest], kind: str) -> Manifest:
    """Return the one object of a kind."""
    (found,) = (manifest for manifest in rendered if manifest["kind"] == kind)
    return found


def chart_values() -> Manifest:
    """Return the chart's own values."""
    found: Manifest = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


def described(schema: Mapping[str, Any] | None = None, prefix: str = "") -> dict[str, str]:
    """Return what the chart's schema says of every value that a person can set, by its dotted path."""
    chosen = json.loads((CHART / "values.schema.json").read_text()) if schema is None else schema
    found: dict[str, str] = {}
    for name, value in chosen["properties"].items():
        if "properties" in value:
            found |= described(value, f"{prefix}{name}.")
        elif name != "global":  # Helm puts it into every chart
            found[prefix + name] = value["description"]
    return found


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path."""
    return functools.reduce(lambda found, key: found[key], path.split("."), values)


def nested(path: str, value: Any) -> Manifest:
    """Return values in which only the dotted path is set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)
