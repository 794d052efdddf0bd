"""The module by which programs write down their metrics, as the installer leaves it in an image's environment."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installing import Installed, Installer
from tests.support.interpreters import interpreters
from tests.support.package_index import PackageIndex, serving
from tests.support.training_images import image_with_pip
from trainingjob import _metrics
from trainingjob.sidecar.metrics_file import MetricsFile

LOG = "import trainingjob; trainingjob.log('loss', 0.25, step=7)"
WHICH = "import trainingjob; print(getattr(trainingjob, 'VERSION', 'ours'))"


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with serving() as served:
        served.add_wheel("arrays", "1.0")
        served.add_wheel("trainingjob", "9.0")
        served.add_wheel("learning", "1.0", requires=["trainingjob"])
        yield served


def which(installed: Installed, folder: Path) -> str:
    """Return whose module a program finds that starts in a folder."""
    return installed.run("python", "-c", WHICH, cwd=folder).stdout.strip()


def test_program_logs_with_a_module_that_the_image_lacks(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index)
    assert (installed.code, installed.message) == (0, "")
    assert installed.own_packages == {"arrays-1.0"}
    done = installed.run("python", "-c", LOG, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    metrics = MetricsFile(tmp_path, "logs/metrics.jsonl")
    metrics.read()
    assert [(metric.name, metric.value, metric.step) for metric in metrics.newest] == [("loss", 0.25, 7)]


def test_module_of_the_image_stays(tmp_path: Path, install: Installer, index: PackageIndex) -> None:
    image = image_with_pip(tmp_path / "image")
    image.add("trainingjob", "3.0")
    assert which(install(image, ["arrays"], index=index), tmp_path) == "3.0"


@pytest.mark.parametrize("package", ["trainingjob", "learning"])
def test_module_of_a_package_stays(tmp_path: Path, install: Installer, index: PackageIndex, package: str) -> None:
    assert which(install(image_with_pip(tmp_path / "image"), [package], index=index), tmp_path) == "9.0"


def test_file_of_the_source_that_has_its_name_neither_hinders_it_nor_is_hidden(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "trainingjob.py").write_text("VERSION = 'of the source'")
    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index, workspace=str(tmp_path / "source"))
    assert which(installed, tmp_path / "source") == "of the source"
    assert which(installed, tmp_path) == "ours"


@pytest.mark.parametrize("version", list(interpreters()), ids="{0[0]}.{0[1]}".format)
def test_module_runs_under_every_python(version: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "trainingjob.py").write_text(Path(_metrics.__file__).read_text())
    variables = {**os.environ, "TRAININGJOB_METRICS": str(tmp_path / "metrics.jsonl"), "PYTHONPATH": ""}
    words: list[str | Path] = [interpreters()[version], "-c", LOG]
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    metrics = MetricsFile(tmp_path, "metrics.jsonl")
    metrics.read()
    assert [metric.value for metric in metrics.newest] == [0.25]
