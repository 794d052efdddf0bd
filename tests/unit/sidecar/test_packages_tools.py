"""What the container copy-tools leaves for the container of the training image."""

from pathlib import Path

import pytest

from trainingjob.contract.names import CAPTURE_OUTPUT, INSTALL_PACKAGES
from trainingjob.contract.tasks import CondaPackages, CopyTools
from trainingjob.sidecar import capture, packages, tools
from trainingjob.sidecar.conda_file import CondaRequest
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.packages.conda_request import read_conda_request

SCRIPTS = {INSTALL_PACKAGES, CAPTURE_OUTPUT}


def test_tools_are_complete_and_readable_for_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "tools"
    # A container may be started again where it has been before.
    for _ in range(2):
        tools.run(CopyTools(tools=str(folder)).model_dump_json())

    assert {path.name for path in folder.iterdir()} == {*SCRIPTS, "packages", "capture", "pip", "trainingjob.py"}
    for own in (Path(str(module.__file__)).parent for module in (packages, capture)):
        assert {path.name for path in (folder / own.name).iterdir()} == {path.name for path in own.glob("*.py")}
    assert (folder / "pip" / "pip" / "__main__.py").is_file()
    assert not list(folder.rglob("*.pyc"))
    assert [path for path in folder.rglob("*") if not path.stat().st_mode & 0o004] == []
    assert {(folder / name).stat().st_mode & 0o777 for name in SCRIPTS} == {0o755}


def test_tools_for_conda_are_complete_and_readable_for_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "tools"
    asked = CondaPackages(packages=("zlib",), channels=("ours",))
    for _ in range(2):
        tools.run(CopyTools(tools=str(folder), conda=asked).model_dump_json())

    own = {*SCRIPTS, "packages", "capture", "pip", "trainingjob.py"}
    assert {path.name for path in folder.iterdir()} == {*own, "rattler", "conda.json"}
    assert (folder / "rattler" / "rattling" / "__main__.py").is_file()
    assert (folder / "rattler" / "rattler" / "__init__.py").is_file()
    assert [path for path in folder.rglob("*") if not path.stat().st_mode & 0o004] == []


def test_request_is_read_as_it_was_written(tmp_path: Path) -> None:
    asked = CondaPackages(packages=("zlib",), channels=("ours",))
    tools.run(CopyTools(tools=str(tmp_path), conda=asked).model_dump_json())

    found = read_conda_request(tmp_path)
    assert found is not None
    assert found._asdict() == CondaRequest(["zlib"], ["ours"], [], []).as_json()
    assert read_conda_request(tmp_path / "packages") is None


def test_file_of_conda_that_cannot_be_honoured_ends_the_copying(tmp_path: Path) -> None:
    asked = CondaPackages(file="environment.yml", workspace=str(tmp_path))

    with pytest.raises(RefusedError, match="the source has no such file"):
        tools.run(CopyTools(tools=str(tmp_path / "tools"), conda=asked).model_dump_json())


def test_image_without_pip_brings_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ModuleNotFoundError, match="no pip to bring"):
        tools.run(CopyTools(tools=str(tmp_path)).model_dump_json())
