"""What all models of the resource share."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of the resource: camelCase in the manifest, nothing unknown, unchangeable once read."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def manifest(self) -> dict[str, Any]:
        """Return this part as it stands in a manifest; what nobody set is left out."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


@cache
def field_names(model: type[Model]) -> Mapping[str, str]:
    """Return the name of each field in a manifest with its name in Python, in the order of the model."""
    return MappingProxyType({info.alias or name: name for name, info in model.model_fields.items()})
