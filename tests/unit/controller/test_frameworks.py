"""The catalogue of frameworks, as the chart mounts it."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainingjob.controller.frameworks import CatalogueError, read_catalogue

PYTORCH: dict[str, Any] = {"default": "2.5", "versions": {"2.5": {"cpu": "torch:2.5"}, "2.6": {"gpu": "torch:2.6"}}}


def test_an_operator_without_a_file_has_no_frameworks() -> None:
    assert read_catalogue("") == {}


def test_the_images_of_each_version_are_read(tmp_path: Path) -> None:
    file = tmp_path / "frameworks.json"
    file.write_text(json.dumps({"pytorch": PYTORCH}))
    entry = read_catalogue(str(file))["pytorch"]
    assert entry.default == "2.5"
    assert {version: images.images() for version, images in entry.versions.items()} == {
        "2.5": {"cpu": "torch:2.5"},
        "2.6": {"gpu": "torch:2.6"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pytorch: 2.5", "Expecting value"),
        ("[]", "valid dictionary"),
        (json.dumps({"pytorch": {"versions": {}}}), "pytorch.default"),
        (json.dumps({"pytorch": {**PYTORCH, "image": "torch"}}), "pytorch.image"),
        (json.dumps({"pytorch": {**PYTORCH, "default": "2.7"}}), "pytorch: the default 2.7 is none of its versions"),
    ],
)
def test_a_catalogue_of_another_form_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "frameworks.json"
    file.write_text(text)
    with pytest.raises(CatalogueError, match=r"frameworks\.json") as caught:
        read_catalogue(str(file))
    assert words in str(caught.value)


def test_a_catalogue_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No such file"):
        read_catalogue(str(tmp_path / "none.json"))
