"""Images with an older or a newer Python than ours, and the pip that came with it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.conda_channel import CondaPackage, serving_channel
from tests.support.conda_programs import add_conda
from tests.support.installing import Installer, packages_seen, tools_for
from tests.support.interpreters import interpreters
from tests.support.package_index import PackageIndex, serving
from tests.support.training_images import TrainingImage
from trainingjob.contract.tasks import CondaPackages
from trainingjob.sidecar.packages.installation import BROUGHT_PIP_NEEDS

VERSIONS = list(interpreters())
ENDS = (VERSIONS[0], VERSIONS[-1])

EACH = [
    pytest.param(version, marks=() if version in ENDS else pytest.mark.long, id="{}.{}".format(*version))
    for version in VERSIONS
]


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with serving() as served:
        served.add_wheel("arrays", "1.0")
        served.add_wheel("learning", "1.0", requires=["arrays>=1"], scripts=["learn"])
        yield served


def image_of(version: tuple[int, int], folder: Path, *options: str) -> TrainingImage:
    """Return an environment of another Python, and a package in it, as an image."""
    subprocess.run([interpreters()[version], "-m", "venv", *options, folder], check=True)
    image = TrainingImage(folder / "bin", folder / "lib" / "python{}.{}".format(*version) / "site-packages")
    image.add("arrays", "1.0")
    return image


def has_pip(version: tuple[int, int]) -> bool:
    return (
        subprocess.run([interpreters()[version], "-c", "import pip"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("version", EACH)
def test_pip_of_the_image_installs(
    version: tuple[int, int], tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    if not has_pip(version):
        pytest.skip("This Python came without pip.")
    image = image_of(version, tmp_path / "image", "--without-pip", "--system-site-packages")

    installed = install(image, ["learning"], index=index)
    refused = install(image, ["nowhere"], index=index)

    assert (installed.code, installed.message) == (0, "")
    assert "Installing with the image's pip" in installed.log
    assert (refused.code, refused.message.splitlines()[-1].removeprefix("ERROR: ")) == (
        65,
        "No matching distribution found for nowhere",
    )


@pytest.mark.parametrize("version", EACH)
def test_conda_of_the_image_installs_whatever_its_python(
    version: tuple[int, int], tmp_path: Path, conda_tools: Path
) -> None:
    image = image_of(version, tmp_path / "image", "--without-pip")
    add_conda(image)
    # Without LANG a Python 3.6 takes everything for ASCII.
    script = "export TOOL_DATA=$CONDA_PREFIX/share TOOL_NAME=caf\N{LATIN SMALL LETTER E WITH ACUTE}\n"
    with serving_channel() as channel:
        channel.add(CondaPackage("tool", "1.0", {"etc/conda/activate.d/tool.sh": script}))
        wanted = CondaPackages(packages=("tool",), channels=(channel.url,))
        installed = Installer(tmp_path, tools_for(wanted, tmp_path / "tools", conda_tools))(image)

    assert (installed.code, installed.message) == (0, "")
    code = "import os, sys, arrays; print(os.environ['TOOL_DATA'], os.environb[b'TOOL_NAME'], sys.version_info[:2])"
    assert (
        installed.run("python", "-c", code).stdout
        == f"{installed.environment}/conda/share b'caf\\xc3\\xa9' {version}\n"
    )


@pytest.mark.parametrize("version", EACH)
def test_brought_pip_installs_where_its_python_is_new_enough(
    version: tuple[int, int], tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = image_of(version, tmp_path / "image", "--without-pip")

    installed = install(image, ["learning"], index=index)

    if version < BROUGHT_PIP_NEEDS:
        assert installed.code == 65
        assert "has no pip, and Python {}.{}".format(*version) in installed.message
        assert "needs 3.9: put pip into the image" in installed.message
    else:
        assert (installed.code, installed.message) == (0, "")
        assert installed.own_packages == {"learning-1.0"}
        assert packages_seen(installed, "arrays", "learning") == {"arrays": "1.0", "learning": "1.0"}
        assert installed.run("learn").stdout == f"learning 1.0 {installed.environment}\n"
