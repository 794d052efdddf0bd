"""Build container images on any machine, with Docker or without, and keep each one as a file to load."""

from devtools.images.building import build, prune
from devtools.images.errors import ImageError

__all__ = ["ImageError", "build", "prune"]
