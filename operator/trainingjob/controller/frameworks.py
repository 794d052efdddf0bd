"""Reads the catalogue of frameworks, which the chart mounts as a file."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trainingjob.api.framework import CatalogueEntry

_CATALOGUE = TypeAdapter(dict[str, CatalogueEntry])


class CatalogueError(ValueError):
    """The catalogue cannot be read; the message says why."""


def read_catalogue(path: str) -> Mapping[str, CatalogueEntry]:
    """Return the catalogue of a JSON file, `{"pytorch": {"default": "2.5", "versions": {"2.5": {"cpu": …}}}}`.

    Args:
        path: the file; empty for an operator without a catalogue.

    Raises:
        CatalogueError: when the file is not there, is no JSON or has another form.
    """
    if not path:
        return {}
    try:
        found = _CATALOGUE.validate_python(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CatalogueError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    for name, entry in found.items():
        if entry.default not in entry.versions:
            raise CatalogueError(f"{path}: {name}: the default {entry.default} is none of its versions")
    return found
