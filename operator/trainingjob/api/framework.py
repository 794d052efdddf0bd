"""Images by the name and version of a framework: what a job asks for, and the catalogue that has them."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from trainingjob.api.base import Model

FrameworkName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
FrameworkVersion = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]

CPU: Final = "cpu"
GPU: Final = "gpu"
"""The variants of a version: with GPUs it is the second one that runs."""


class Framework(Model):
    """An image of the cluster's catalogue."""

    name: FrameworkName = Field(description="The framework, such as tensorflow or pytorch.")
    version: FrameworkVersion | None = Field(
        None, description="Its version; the catalogue's default, which the status then names, when not given."
    )


class CatalogueVersion(Model):
    """The images of one version; one that does not exist is left out."""

    cpu: str | None = None
    gpu: str | None = None

    def images(self) -> dict[str, str]:
        """Return the images by their variant."""
        return {variant: image for variant, image in ((CPU, self.cpu), (GPU, self.gpu)) if image}


class CatalogueEntry(Model):
    """One framework of the catalogue."""

    default: FrameworkVersion
    versions: dict[FrameworkVersion, CatalogueVersion]


Catalogue = Mapping[str, CatalogueEntry]
"""The frameworks by their names."""
