"""Overrides: what differs for one role, and what the other roles keep."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pods import env_names, env_values, main_container, pod_of, render_pods
from trainingjob.plan import Manifest


def pods(override: dict[str, Any], **spec: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pod of an overridden parameter server and that of a worker beside it."""
    given = {"parameterServer": {}, "overrides": {"ps": override}, **spec}
    return pod_of("mnist-ps-0", **given), pod_of("mnist-worker-0", **given)


@pytest.mark.parametrize(
    ("field", "own", "changed"),
    [
        ("image", "one:1", "two:2"),
        ("command", ["python", "a.py"], ["python", "b.py"]),
        ("args", ["--a"], ["--b"]),
        ("resources", {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}, {"limits": {"memory": "4Gi"}}),
    ],
)
def test_a_field_of_the_container_is_replaced_for_its_role_alone(field: str, own: Any, changed: Any) -> None:
    server, worker = pods({field: changed}, **{field: own})
    assert main_container(server)[field] == changed
    assert main_container(worker)[field] == own


def chosen_tolerations(pod: Manifest) -> list[Manifest]:
    """Return the tolerations that the user chose."""
    return [item for item in pod["spec"]["tolerations"] if "tolerationSeconds" not in item]


def test_tolerations_are_replaced() -> None:
    server, worker = pods({"tolerations": [{"key": "b"}]}, tolerations=[{"key": "a", "operator": "Exists"}])
    assert chosen_tolerations(server) == [{"key": "b"}]
    assert chosen_tolerations(worker) == [{"key": "a", "operator": "Exists"}]


def test_an_empty_list_replaces_too() -> None:
    server, _ = pods({"tolerations": []}, tolerations=[{"key": "a"}])
    assert chosen_tolerations(server) == []


def test_the_node_selector_is_added_by_key() -> None:
    server, worker = pods({"nodeSelector": {"disk": "hdd", "gpu": "no"}}, nodeSelector={"disk": "ssd", "zone": "a"})
    assert server["spec"]["nodeSelector"] == {"disk": "hdd", "zone": "a", "gpu": "no"}
    assert worker["spec"]["nodeSelector"] == {"disk": "ssd", "zone": "a"}


def test_variables_are_added_by_name_and_a_changed_one_keeps_its_place() -> None:
    own = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]
    server, worker = pods({"env": [{"name": "C", "value": "3"}, {"name": "A", "value": "2"}]}, env=own)
    assert env_names(server)[-3:] == ["A", "B", "C"]
    assert env_values(server)["A"] == "2"
    assert (env_names(worker)[-2:], env_values(worker)["A"]) == (["A", "B"], "1")


def test_a_changed_variable_keeps_nothing_of_its_old_source() -> None:
    own = [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    server, _ = pods({"env": [{"name": "A", "value": "2"}]}, env=own)
    assert main_container(server)["env"][-1] == {"name": "A", "value": "2"}


@pytest.mark.parametrize("role", ["chief", "worker", "ps", "evaluator"])
def test_every_role_can_differ(role: str) -> None:
    strategy = {"chief": True, "evaluator": True}
    rendered = render_pods(make_job(parameterServer=strategy, overrides={role: {"image": "other"}}))
    changed = [name for name, pod in rendered.items() if main_container(pod)["image"] == "other"]
    assert changed == [f"mnist-{role}-0"]
