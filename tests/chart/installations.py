"""The values files beside this one: each stands for another installation."""

from pathlib import Path

import yaml

from tests.support.helm import Manifest

_FOLDER = Path(__file__).parent / "values"

NAMES = sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(name: str) -> Manifest:
    """Return the values of the installation of this name."""
    found: Manifest = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text())
    return found
