"""From a model to a structural schema: what an API server takes, and nothing that it would drop in silence."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainingjob.api.base import Model

Schema = dict[str, Any]

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
_DROPPED = frozenset({"title", "$defs"})
_CONVERTED = frozenset({"properties", "items", "additionalProperties", "const"})
_NULL: Schema = {"type": "null"}


class NotStructuralError(ValueError):
    """A model says something that no structural schema can; the message names where and what."""


def structural_schema(model: type[Model], rules: Mapping[str, Sequence[Schema]]) -> Schema:
    """Return the structural schema of a model.

    Args:
        model: the model; its fields stand under their names in a manifest.
        rules: for the name of each model, what stands in `x-kubernetes-validations` wherever it is used.

    Raises:
        NotStructuralError: when a part of the model has no structural form.
    """
    schema = model.model_json_schema(by_alias=True)
    root = {**schema, "x-kubernetes-validations": list(rules.get(model.__name__, ()))}
    return _Converter(schema.get("$defs", {}), rules).convert(root, model.__name__, (model.__name__,))


class _Converter:
    """Converts one model's JSON schema; knows the definitions that it refers to."""

    def __init__(self, definitions: Mapping[str, Schema], rules: Mapping[str, Sequence[Schema]]) -> None:
        self._definitions = definitions
        self._rules = rules

    def convert(self, node: Schema, path: str, inside: tuple[str, ...]) -> Schema:
        """Return the structural form of a node at a path, inside the models of the given names."""
        node, inside = self._inlined(_without_null(node), path, inside)
        validations = node.pop("x-kubernetes-validations", [])
        _check(node, path)
        result = {key: node[key] for key in _KEPT if node.get(key) is not None}
        if result.get("default") == "":
            # An empty text and none at all mean the same, and servers have refused the former.
            del result["default"]
        if "description" in result:
            result["description"] = _told(result)
        if "const" in node:
            result["enum"] = [node["const"]]
        if node.get("properties"):
            result["properties"] = {
                name: self.convert(child, f"{path}.{name}", inside) for name, child in node["properties"].items()
            }
        if "items" in node:
            result["items"] = self.convert(node["items"], f"{path}[]", inside)
        if isinstance(node.get("additionalProperties"), dict):
            result["additionalProperties"] = self.convert(node["additionalProperties"], f"{path}[]", inside)
        if validations:
            result["x-kubernetes-validations"] = validations
        return result

    def _inlined(self, node: Schema, path: str, inside: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        """Return the node with the model that it refers to in its place; its own words win over the model's."""
        if "$ref" not in node:
            return node, inside
        name = node["$ref"].removeprefix("#/$defs/")
        if name in inside:
            raise NotStructuralError(f"{path}: {name} contains itself, and a structural schema ends somewhere")
        own = {key: value for key, value in node.items() if key != "$ref"}
        rules = {"x-kubernetes-validations": list(self._rules.get(name, ()))}
        return {**self._definitions[name], **own, **rules}, (*inside, name)


def _without_null(node: Schema) -> Schema:
    """Return the node without the null that stands for a field which nobody set."""
    choices = node.get("anyOf")
    if choices is None:
        return dict(node)
    typed = [choice for choice in choices if choice != _NULL]
    if len(typed) != 1 or len(typed) == len(choices):
        # Left as it is: the check that follows says what is wrong with it.
        return dict(node)
    outer = {key: value for key, value in node.items() if key != "anyOf"}
    return {**typed[0], **outer}


def _check(node: Schema, path: str) -> None:
    unknown = node.keys() - set(_KEPT) - _DROPPED - _CONVERTED
    if unknown:
        raise NotStructuralError(f"{path}: {', '.join(sorted(unknown))} has no place in a structural schema")
    if "type" not in node and "x-kubernetes-int-or-string" not in node:
        raise NotStructuralError(f"{path}: every value needs one type")
    if node.get("type") == "array" and not {"items", "x-kubernetes-list-type"} <= node.keys():
        raise NotStructuralError(f"{path}: a list says what its items are and how they are told apart")
    if node.get("type") == "object" and node.get("additionalProperties", True) is True and not node.get("properties"):
        raise NotStructuralError(f"{path}: an object says what its fields are")


def _told(node: Schema) -> str:
    """Return the description in one line, with the default, which `kubectl explain` does not show."""
    default = node.get("default")
    said = "" if default is None else f" Default: {str(default).lower() if isinstance(default, bool) else default}."
    return " ".join(node["description"].split()) + said
