"""How the items of a list are told apart: said to the API server in the schema, and checked again when read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from trainingjob.api.base import field_names


@dataclass(frozen=True, slots=True)
class ListType:
    """An annotation of a list: `atomic` without keys, else a map whose items differ in the values of the keys."""

    keys: tuple[str, ...] = ()
    """The keys as they stand in a manifest; each is required or has a default."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the list's own schema, followed by the search for duplicates."""
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self._refuse_duplicates, schema) if self.keys else schema

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the list's JSON schema with Kubernetes' words for its type."""
        found = handler(schema)
        found["x-kubernetes-list-type"] = "map" if self.keys else "atomic"
        if self.keys:
            found["x-kubernetes-list-map-keys"] = list(self.keys)
        return found

    def _refuse_duplicates(self, items: Sequence[Any]) -> Sequence[Any]:
        seen = set()
        for item in items:
            values = tuple(getattr(item, field_names(item.__class__)[key]) for key in self.keys)
            if values in seen:
                words = " and ".join(f"{key} {value}" for key, value in zip(self.keys, values, strict=True))
                raise ValueError(f"two entries have the {words}; keep one of them")
            seen.add(values)
        return items


ATOMIC = ListType()


def list_map(*keys: str) -> ListType:
    """Return the annotation of a list whose items are told apart by the given keys."""
    return ListType(keys)
