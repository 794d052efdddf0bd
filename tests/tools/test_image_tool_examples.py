"""The examples: each manifest is one that the operator takes, and names the image that its folder builds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.images.base import STAND_INS
from devtools.images.names import base_images
from trainingjob.api.spec import TrainingJobSpec

_FOLDER = Path(__file__).parents[2] / "examples"
_NAMES = sorted(path.parent.name for path in _FOLDER.glob("*/Dockerfile"))


def _documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((_FOLDER / name / "job.yaml").read_text()))


def _job(name: str) -> dict[str, Any]:
    (job,) = (document for document in _documents(name) if document["kind"] == "TrainingJob")
    return job


@pytest.mark.parametrize("name", _NAMES)
def test_each_manifest_is_accepted_and_names_the_image_of_its_folder(name: str) -> None:
    spec = TrainingJobSpec.model_validate(_job(name)["spec"])
    assert spec.image == f"trainingjob.dev/examples/{name}:dev"


@pytest.mark.parametrize("name", _NAMES)
def test_each_image_can_be_built_where_no_registry_is_reached(name: str) -> None:
    assert set(base_images((_FOLDER / name / "Dockerfile").read_text())) <= set(STAND_INS)


@pytest.mark.parametrize("name", _NAMES)
def test_each_command_that_a_readme_shows_names_the_job(name: str) -> None:
    job = _job(name)["metadata"]["name"]
    readme = (_FOLDER / name / "README.md").read_text()
    assert f"--for=condition=Finished tjob/{job} " in readme
    assert f"kubectl logs {job}-" in readme


@pytest.mark.parametrize("name", _NAMES)
def test_each_example_stands_in_the_table(name: str) -> None:
    assert f"[{name}]({name})" in (_FOLDER / "README.md").read_text()


def test_images_with_tensorflow_share_their_layer_of_packages() -> None:
    names = [name for name in _NAMES if name.startswith("tensorflow-")]
    steps = {
        ((_FOLDER / name / "Dockerfile").read_text().partition("COPY train.py")[0], _requirements(name))
        for name in names
    }
    assert len(names) == 3
    assert len(steps) == 1


def _requirements(name: str) -> str:
    return (_FOLDER / name / "requirements.txt").read_text()


@pytest.mark.parametrize("name", _NAMES)
def test_each_claim_that_a_job_mounts_comes_with_it(name: str) -> None:
    claims = {document["metadata"]["name"] for document in _documents(name) if document["kind"] != "TrainingJob"}
    mounted = {volume["persistentVolumeClaim"]["claimName"] for volume in _job(name)["spec"].get("volumes", [])}
    assert mounted == claims
