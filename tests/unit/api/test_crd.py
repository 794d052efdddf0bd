"""The CustomResourceDefinition as a whole, and the files that are generated from it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools import generate
from devtools.paths import REPOSITORY
from trainingjob.api.base import field_names
from trainingjob.api.crd import custom_resource_definition, resource_schema
from trainingjob.api.job_rules import MUTABLE, MUTABLE_WHILE_SUSPENDED, REPLICAS
from trainingjob.api.process_strategies import Mpi, Torch
from trainingjob.api.spec import MultiWorker, ParameterServer, TrainingJobSpec

VERSION = custom_resource_definition()["spec"]["versions"][0]


def test_the_names_are_those_that_people_type() -> None:
    spec = custom_resource_definition()["spec"]
    assert spec["group"] == "trainingjob.dev"
    assert spec["scope"] == "Namespaced"
    assert spec["names"]["shortNames"] == ["tjob"]
    assert spec["names"]["categories"] == ["training"]


def test_status_is_a_subresource_with_a_default_that_says_nobody_has_looked() -> None:
    assert VERSION["subresources"] == {"status": {}}
    assert resource_schema()["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_the_columns_show_the_phase_and_its_reason_first() -> None:
    columns = VERSION["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Phase", "Reason", "Ready", "Restarts", "Age",
    ]  # fmt: skip
    assert [column["name"] for column in columns if column.get("priority")] == [
        "Queue", "Started", "Finished", "Artifacts",
    ]  # fmt: skip


def test_the_definition_is_small_enough_for_client_side_apply_with_room_to_grow() -> None:
    """`kubectl apply` keeps the whole text in an annotation; the annotations of an object may have 262,144 bytes."""
    text = json.dumps(custom_resource_definition(), separators=(",", ":"), ensure_ascii=False)
    # Go writes these three in six bytes each, as \u003c.
    kept = len(text.encode()) + 5 * sum(text.count(letter) for letter in "<>&")
    # The chart and GitOps tools add labels and annotations of their own.
    assert kept < 230_000


def change_rule() -> dict[str, str]:
    """Return the rule on the whole resource that says what may change."""
    found: dict[str, str]
    (found,) = (rule for rule in resource_schema()["x-kubernetes-validations"] if rule["fieldPath"] == ".spec")
    return found


def names_in(text: str) -> set[str]:
    """Return the fields that a condition in CEL compares with what was stored."""
    return {
        path.replace("?", "")
        for pair in re.findall(r"\[now\.\?(\S+)\] == \[was\.\?(\S+)\]|has\(now\.(\w+)\) == has\(was\.(\w+)\)", text)
        for path in pair
        if path
    }


def test_every_field_of_a_spec_is_immutable_save_the_named_ones() -> None:
    kept, placed = change_rule()["rule"].split("was.suspend")
    strategies = {"parameterServer": ParameterServer, "multiWorker": MultiWorker, "mpi": Mpi, "torch": Torch}
    counts = {f"{strategy}.{name}" for strategy, names in REPLICAS.items() for name in names}
    nested = {f"{strategy}.{name}" for strategy, model in strategies.items() for name in field_names(model)}
    assert counts < nested
    assert names_in(placed) == MUTABLE_WHILE_SUSPENDED | counts
    always = field_names(TrainingJobSpec).keys() - MUTABLE - MUTABLE_WHILE_SUSPENDED | {"gang.scheduler"}
    assert names_in(kept) == always | nested - counts


def test_what_may_change_is_nothing_that_another_rule_on_changes_lists() -> None:
    assert not MUTABLE & MUTABLE_WHILE_SUSPENDED
    assert field_names(TrainingJobSpec).keys() > MUTABLE | MUTABLE_WHILE_SUSPENDED


def test_the_sentence_on_a_change_looks_at_every_field_that_the_rule_looks_at() -> None:
    rule = change_rule()
    assert names_in(rule["messageExpression"]) == names_in(rule["rule"])
    counts = {f"{strategy}.{name}" for strategy, names in REPLICAS.items() for name in names}
    for name in names_in(rule["rule"]) - counts:
        assert f"? '' : \"{name}\"" in rule["messageExpression"]
    for name in counts - {"torch.nodes"}:
        assert f"? [''] : [\"{name}\", " in rule["messageExpression"]


def test_the_rule_on_changes_is_done_at_once_when_the_spec_is_what_it_was() -> None:
    assert change_rule()["rule"].startswith("self.spec == oldSelf.spec || ")


def test_the_rules_on_a_name_leave_an_unchanged_spec_alone() -> None:
    rules = [rule for rule in resource_schema()["x-kubernetes-validations"] if rule["fieldPath"] == ".metadata.name"]
    assert len(rules) == 3
    for rule in rules:
        assert rule["optionalOldSelf"] is True
        assert rule["rule"].endswith(") || oldSelf.hasValue() && oldSelf.value().spec == self.spec")


def rules_below(schema: dict[str, Any], in_atomic_list: bool = False) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Yield every rule of a schema with the word whether it stands within an atomic list."""
    yield from ((in_atomic_list, rule) for rule in schema.get("x-kubernetes-validations", []))
    for child in schema.get("properties", {}).values():
        yield from rules_below(child, in_atomic_list)
    if "additionalProperties" in schema:
        yield from rules_below(schema["additionalProperties"], in_atomic_list)
    if "items" in schema:
        yield from rules_below(schema["items"], in_atomic_list or schema["x-kubernetes-list-type"] == "atomic")


def test_every_rule_leaves_an_unchanged_part_alone_where_a_server_can_tell() -> None:
    spec_rules = list(rules_below(resource_schema()["properties"]["spec"]))
    for in_atomic_list, rule in spec_rules:
        compares = rule["rule"].endswith(") || oldSelf == optional.of(self)") or "!oldSelf.cancel" in rule["rule"]
        assert compares != in_atomic_list, rule
    assert len({in_atomic_list for in_atomic_list, _ in spec_rules}) == 2


def test_the_committed_files_are_what_is_generated() -> None:
    assert generate.outdated(REPOSITORY) == []


def test_a_file_that_was_edited_or_is_missing_is_outdated_until_it_is_written_again(tmp_path: Path) -> None:
    assert generate.write(tmp_path) == list(generate.FILES)
    edited, missing, *_ = generate.FILES
    (tmp_path / edited).write_text("spec: {}\n")
    (tmp_path / missing).unlink()
    assert generate.outdated(tmp_path) == [edited, missing]
    assert generate.write(tmp_path) == [edited, missing]
    assert generate.outdated(tmp_path) == []


def test_the_plain_file_is_the_definition() -> None:
    assert yaml.safe_load(generate.crd_manifest()) == custom_resource_definition()


def test_the_charts_template_is_the_definition_under_its_conditions() -> None:
    lines = generate.crd_template().splitlines()
    assert lines[0] == "{{- if .Values.crds.enabled }}"
    assert lines[-1] == "{{- end }}"
    plain = "\n".join(line for line in lines if "{{" not in line)
    without = yaml.safe_load(plain)
    assert without["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert without["metadata"].pop("labels") is None
    assert without == custom_resource_definition()


def test_braces_in_a_description_are_no_instruction_to_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = custom_resource_definition()
    definition["spec"]["names"]["kind"] = "{{ .Values.kind }}"
    monkeypatch.setattr(generate, "custom_resource_definition", lambda: definition)
    assert "'{{ \"{{\" }} .Values.kind }}'" in generate.crd_template()


def test_the_reference_has_a_row_for_every_field_of_a_spec() -> None:
    text = generate.FILES["docs/reference.md"]()
    for name in field_names(TrainingJobSpec):
        assert f"`spec.{name}`" in text
