"""The manifest of an artifact: a plain JSON object beside the files, `manifest-000001.json` and so on.

The one with the highest number counts. A folder without a manifest is no artifact: somebody is still writing it, or
nobody ever finished.
"""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = re.compile(r"^manifest-(\d{6,})\.json$")


class ManifestFile(BaseModel):
    """A file of the artifact; it stands at `path`, relative to the folder of the manifest."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str = Field(min_length=1, max_length=4096)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    mtime: str = ""
    """RFC 3339 in UTC."""
    growing: bool = False
    """Whether the program still wrote to it: these are its first bytes. Never in a complete artifact."""


class ManifestProblem(BaseModel):
    """A file that is not part of the artifact although it lay in its folders, and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    problem: str


class Manifest(BaseModel):
    """What an artifact consists of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1
    complete: bool
    """Whether the program has ended and everything that it left is here."""
    created: str
    """RFC 3339 in UTC."""
    files: tuple[ManifestFile, ...]
    """Sorted by path."""
    problems: Annotated[tuple[ManifestProblem, ...], Field(max_length=1000)] = ()


def manifest_name(number: int) -> str:
    """Return the name of the manifest with this number, from 1."""
    return f"manifest-{number:06d}.json"
