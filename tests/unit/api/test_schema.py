"""The structural form of the models: nothing that an API server would refuse, or drop without a word."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.crd import resource_schema
from trainingjob.api.lists import ATOMIC, list_map
from trainingjob.api.schema import NotStructuralError, Schema, structural_schema


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every part of a schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


ALL = list(nodes(resource_schema()))
SPEC = [(path, node) for path, node in ALL if path.startswith(".spec")]


def test_nothing_stands_in_the_schema_that_servers_refuse_or_drop() -> None:
    known = {
        "description", "type", "format", "enum", "default", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "minItems", "maxItems", "maxProperties", "required", "properties", "items", "additionalProperties",
        "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
        "x-kubernetes-validations",
    }  # fmt: skip
    assert {(path, key) for path, node in ALL for key in node if key not in known} == set()


def test_every_part_has_one_type() -> None:
    untyped = [path for path, node in ALL if "x-kubernetes-int-or-string" not in node and "type" not in node]
    assert untyped == []


def test_every_field_is_described() -> None:
    fields = [(f"{path}.{name}", child) for path, node in ALL for name, child in node.get("properties", {}).items()]
    bare = [path for path, node in fields if not node.get("description") and not path.startswith(".metadata")]
    assert len(fields) > 200
    assert bare == []


def test_every_list_says_how_its_items_are_told_apart() -> None:
    assert [path for path, node in ALL if node.get("type") == "array" and "x-kubernetes-list-type" not in node] == []


def test_every_key_of_a_list_map_is_required() -> None:
    for path, node in ALL:
        keys = node.get("x-kubernetes-list-map-keys", [])
        assert set(keys) <= set(node.get("items", {}).get("required", [])), path


def test_everything_that_a_rule_may_look_at_is_bounded() -> None:
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}}
    unbounded = [path for path, node in SPEC if not bounds.get(node.get("type", ""), node.keys()) & node.keys()]
    unbounded += [path for path, node in SPEC if "additionalProperties" in node and "maxProperties" not in node]
    assert unbounded == []


def test_defaults_stand_beside_the_fields_and_in_their_descriptions() -> None:
    workers = resource_schema()["properties"]["spec"]["properties"]["parameterServer"]["properties"]["workers"]
    assert workers["default"] == 1
    assert workers["description"] == "How many workers compute gradients. Default: 1."


def test_conditions_and_variables_are_told_apart_by_type_and_name() -> None:
    found = dict(ALL)
    assert found[".status.conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert found[".spec.env"]["x-kubernetes-list-map-keys"] == ["name"]
    assert found[".spec.command"]["x-kubernetes-list-type"] == "atomic"


class Item(Model):
    """An item of a list."""

    name: str = Field(description="The name.")


class Sound(Model):
    """A model with a structural form."""

    word: Literal["only"] | None = Field(None, description="One word.")
    text: str = Field("", description="A text\n    over two lines.")
    items: Annotated[list[Item], Field(max_length=2), list_map("name")] | None = Field(None, description="Items.")
    labels: dict[str, str] | None = Field(None, description="Labels.")
    size: Annotated[int, Field(ge=1, le=3)] = Field(2, description="A size.")


def test_a_model_becomes_what_servers_understand() -> None:
    assert structural_schema(Sound, {"Item": [{"rule": "true"}]}) == {
        "description": "A model with a structural form.",
        "type": "object",
        "properties": {
            "word": {"description": "One word.", "type": "string", "enum": ["only"]},
            "text": {"description": "A text over two lines.", "type": "string"},
            "items": {
                "description": "Items.",
                "type": "array",
                "maxItems": 2,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "description": "An item of a list.",
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"description": "The name.", "type": "string"}},
                    "x-kubernetes-validations": [{"rule": "true"}],
                },
            },
            "labels": {"description": "Labels.", "type": "object", "additionalProperties": {"type": "string"}},
            "size": {"description": "A size. Default: 2.", "type": "integer", "default": 2, "minimum": 1, "maximum": 3},
        },
    }


class Endless(Model):
    """A model that contains itself."""

    child: "Endless | None" = None


class Anything(Model):
    """A model with a value of any type."""

    value: Any = None


class Either(Model):
    """A model with a value of two types."""

    value: int | bool


class AnyMap(Model):
    """A model with a map of anything."""

    value: dict[str, Any]


class Untold(Model):
    """A model with a list that does not say how its items are told apart."""

    value: list[str]


class Pair(Model):
    """A model with a tuple."""

    value: Annotated[tuple[int, str], ATOMIC]


class Above(Model):
    """A model with a bound that excludes itself."""

    value: Annotated[int, Field(gt=0)]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Endless, "Endless contains itself"),
        (Anything, r"Anything\.value: every value needs one type"),
        (Either, r"Either\.value: anyOf has no place"),
        (AnyMap, r"AnyMap\.value: an object says what its fields are"),
        (Untold, r"Untold\.value: a list says what its items are and how they are told apart"),
        (Pair, r"Pair\.value: prefixItems has no place"),
        (Above, r"Above\.value: exclusiveMinimum has no place"),
    ],
)
def test_a_model_without_a_structural_form_is_refused(model: type[Model], told: str) -> None:
    with pytest.raises(NotStructuralError, match=told):
        structural_schema(model, {})
