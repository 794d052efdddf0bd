"""The examples: each manifest is one that the operator takes, and names an image that a folder builds."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.images.base import STAND_INS
from devtools.images.names import base_images
from trainingjob.api.spec import TrainingJobSpec

_FOLDER = Path(__file__).parents[2] / "examples"
_NAMES = sorted(path.parent.name for path in _FOLDER.glob("*/Dockerfile"))
_MANIFESTS = sorted(path.relative_to(_FOLDER).as_posix() for path in _FOLDER.glob("*/job*.yaml"))
_FOLDERS = sorted({str(Path(path).parent) for path in _MANIFESTS})
_OWN_IMAGE = [path for path in _MANIFESTS if (_FOLDER / path).with_name("Dockerfile").exists()]
_BROUGHT = sorted(set(_MANIFESTS) - set(_OWN_IMAGE))
"""The manifests whose code comes in a ConfigMap or from a git repository."""
_OF_A_CONFIG_MAP = [path for path in _BROUGHT if "\n    configMap:" in (_FOLDER / path).read_text()]
_OF_GIT = sorted(set(_BROUGHT) - set(_OF_A_CONFIG_MAP))
_RUN_ELSEWHERE = {"check.py"}
"""Programs for what a job has left, run by a person."""
_MPI = sorted(path for path in _MANIFESTS if "\n  mpi:\n" in (_FOLDER / path).read_text())


def _documents(manifest: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((_FOLDER / manifest).read_text()))


def _job(manifest: str) -> dict[str, Any]:
    (job,) = (document for document in _documents(manifest) if document["kind"] == "TrainingJob")
    return job


def _text(name: str, file: str) -> str:
    return (_FOLDER / name / file).read_text()


@pytest.mark.parametrize("manifest", _OWN_IMAGE)
def test_each_manifest_is_accepted_and_names_the_image_of_its_folder(manifest: str) -> None:
    spec = TrainingJobSpec.model_validate(_job(manifest)["spec"])
    assert spec.image == f"trainingjob.dev/examples/{Path(manifest).parent}:dev"


@pytest.mark.parametrize("manifest", _OF_A_CONFIG_MAP)
def test_code_of_a_folder_without_an_image_is_brought_whole_to_the_image_of_another(manifest: str) -> None:
    spec = TrainingJobSpec.model_validate(_job(manifest)["spec"])
    assert spec.image in {f"trainingjob.dev/examples/{name}:dev" for name in _NAMES}
    folder = (_FOLDER / manifest).parent
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (code,) = kustomization["configMapGenerator"]
    assert spec.source is not None
    assert spec.source.config_map is not None
    assert code["name"] == spec.source.config_map.name
    assert {*code["files"]} == {path.name for path in folder.glob("*.py")} - _RUN_ELSEWHERE
    assert spec.entrypoint in code["files"]
    assert all((folder / resource).is_file() for resource in kustomization["resources"])


@pytest.mark.parametrize("manifest", _OF_GIT)
def test_code_of_a_repository_is_that_of_the_folder(manifest: str) -> None:
    spec = TrainingJobSpec.model_validate(_job(manifest)["spec"])
    assert spec.image in {f"trainingjob.dev/examples/{name}:dev" for name in _NAMES}
    assert spec.source is not None
    assert spec.source.git is not None
    assert spec.source.git.path == f"examples/{Path(manifest).parent}"
    assert (_FOLDER / Path(manifest).parent / str(spec.entrypoint)).is_file()


@pytest.mark.parametrize("name", _NAMES)
def test_each_image_can_be_built_where_no_registry_is_reached(name: str) -> None:
    assert set(base_images(_text(name, "Dockerfile"))) <= set(STAND_INS)


def test_image_of_tensorboard_can_be_built_where_no_registry_is_reached() -> None:
    text = (_FOLDER.parent / "images" / "tensorboard" / "Dockerfile").read_text()
    assert set(base_images(text)) <= set(STAND_INS)


@pytest.mark.parametrize("name", _NAMES)
def test_no_two_stages_wait_for_the_same_locked_cache(name: str) -> None:
    """Buildah keeps a cache locked until its build ends, so that the second stage would wait for ever."""
    locked = re.findall(r"type=cache,(\S+),sharing=locked", _text(name, "Dockerfile"))
    assert len(set(locked)) == len(locked)


@pytest.mark.parametrize("name", _NAMES)
def test_each_image_is_built_of_the_files_that_it_may_copy(name: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) /app/$", _text(name, "Dockerfile"), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", _text(name, ".dockerignore"), re.MULTILINE)
    assert sorted(copied) == sorted(allowed)
    assert all((_FOLDER / name / file).is_file() for file in copied)


@pytest.mark.parametrize("manifest", _OWN_IMAGE)
def test_each_program_that_a_command_names_is_in_the_image(manifest: str) -> None:
    program = _job(manifest)["spec"]["command"][1]
    assert f"\nCOPY {Path(program).name} /app/\n" in _text(str(Path(manifest).parent), "Dockerfile")


@pytest.mark.parametrize("name", _FOLDERS)
def test_each_command_that_a_readme_shows_names_the_job(name: str) -> None:
    job = _job(f"{name}/job.yaml")["metadata"]["name"]
    readme = _text(name, "README.md")
    assert f"--for=condition=Finished tjob/{job} " in readme
    assert f"kubectl logs {job}-" in readme


@pytest.mark.parametrize("manifest", _MANIFESTS)
def test_each_manifest_and_its_job_are_told_of_in_the_readme(manifest: str) -> None:
    readme = _text(str(Path(manifest).parent), "README.md")
    assert Path(manifest).name in readme
    assert _job(manifest)["metadata"]["name"] in readme


def test_no_two_manifests_have_the_same_job() -> None:
    jobs = [_job(manifest)["metadata"]["name"] for manifest in _MANIFESTS]
    assert len(set(jobs)) == len(jobs)


@pytest.mark.parametrize("name", _FOLDERS)
def test_each_example_stands_in_the_table_and_in_the_documentation(name: str) -> None:
    assert f"[{name}]({name})" in (_FOLDER / "README.md").read_text()
    assert f"`{name}`" in (_FOLDER.parent / "docs" / "examples.md").read_text()


def test_images_with_tensorflow_share_their_layer_of_packages() -> None:
    names = [name for name in _NAMES if name.startswith("tensorflow-")]
    steps = {
        (_text(name, "Dockerfile").partition("COPY train.py")[0], _text(name, "requirements.txt")) for name in names
    }
    assert len(names) == 3
    assert len(steps) == 1


@pytest.mark.parametrize("name", sorted({str(Path(manifest).parent) for manifest in _MPI}))
def test_images_with_sshd_hold_no_host_keys(name: str) -> None:
    dockerfile = _text(name, "Dockerfile")
    assert "openssh-server \\\n    && rm /etc/ssh/ssh_host_*" in dockerfile


def test_the_same_program_is_run_on_four_mpis() -> None:
    specs = {path: _job(path)["spec"] for path in _MPI if path.startswith("mpi-allreduce/")}
    paths = {env["value"].partition(":")[0] for spec in specs.values() for env in spec.get("env", [])}
    assert paths == {"/opt/openmpi5/bin", "/opt/mpich/bin", "/opt/intelmpi/bin"}
    assert "\nENV PATH=/opt/openmpi4/bin:" in _text("mpi-allreduce", "Dockerfile")
    assert sorted(spec["mpi"]["implementation"] for spec in specs.values()) == [
        "IntelMPI",
        "MPICH",
        "OpenMPI",
        "OpenMPI",
    ]
    assert len({tuple(spec["command"]) for spec in specs.values()}) == 1


@pytest.mark.parametrize("manifest", _MANIFESTS)
def test_each_claim_that_a_job_mounts_comes_with_it(manifest: str) -> None:
    spec = _job(manifest)["spec"]
    wanted = {volume["persistentVolumeClaim"]["claimName"] for volume in spec.get("volumes", [])}
    wanted |= {part["pvc"]["claimName"] for part in (spec.get("outputs", {}), *spec.get("inputs", [])) if "pvc" in part}
    own = {document["metadata"]["name"] for document in _documents(manifest) if document["kind"] != "TrainingJob"}
    beside = {
        document["metadata"]["name"]
        for path in (_FOLDER / manifest).parent.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "PersistentVolumeClaim"
    }
    assert own <= wanted <= own | (beside if manifest in _BROUGHT else set())
