"""What all models of the resource share."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of the resource: camelCase in the manifest, nothing unknown, unchangeable once read."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def manifest(self) -> dict[str, object]:
        """Return this part as it stands in a manifest; what nobody set is left out."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")
