"""What the tests of the containers of ours share."""

from pathlib import Path

import pytest

from tests.support.installing import Installer, copied_tools
from trainingjob.contract.tasks import CondaPackages


@pytest.fixture(scope="session")
def packages_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tools folder as the container copy-tools fills it."""
    return copied_tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="session")
def conda_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tools folder as the container copy-tools fills it where conda is to install something."""
    return copied_tools(tmp_path_factory.mktemp("conda-tools"), CondaPackages(packages=("anything",)))


@pytest.fixture
def install(tmp_path: Path, packages_tools: Path) -> Installer:
    """Return what installs packages into a new environment of the test's own."""
    return Installer(tmp_path, packages_tools)
