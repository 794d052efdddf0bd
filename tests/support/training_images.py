"""Pythons that stand for training images: with packages of their own, with pip or without, plain or an environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from tests.support.package_index import wheel_files


@dataclass(frozen=True)
class TrainingImage:
    """What of an image matters here: the folder of its Python, which comes first in its PATH."""

    binaries: Path
    packages: Path

    @property
    def python(self) -> Path:
        """Return the image's Python."""
        return self.binaries / "python"

    @property
    def search_path(self) -> str:
        """Return the PATH of the image."""
        return os.pathsep.join([str(self.binaries), "/usr/bin", "/bin"])

    def add(self, name: str, version: str, requires: Sequence[str] = ()) -> None:
        """Give the image a package."""
        for path, text in wheel_files(name, version, requires).items():
            file = self.packages / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(str(text))

    def add_pip(self) -> None:
        """Give the image a pip: the one of the tests' own environment."""
        found = distribution("pip")
        for folder in {Path(file).parts[0] for file in found.files or () if not str(file).startswith("..")}:
            (self.packages / folder).symlink_to(Path(str(found.locate_file(folder))))

    def add_script(self, name: str, text: str, first: str = "") -> None:
        """Give the image a script that its Python runs, or what its first line names."""
        script = self.binaries / name
        script.write_text(f"#!{first or self.python}\n{text}\n")
        script.chmod(0o755)


def plain_image(folder: Path) -> TrainingImage:
    """Make a Python that is no environment, without any package: this one's program over links to its library."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(os.__file__).parent
    (folder / "bin").mkdir(parents=True)
    shutil.copy(base, folder / "bin" / "python3")
    (folder / "bin" / "python").symlink_to("python3")
    (folder / "lib" / library.name).mkdir(parents=True)
    for found in library.iterdir():
        if found.name not in ("site-packages", "dist-packages", "EXTERNALLY-MANAGED"):
            (folder / "lib" / library.name / found.name).symlink_to(found)
    return _image(folder)


def image_with_pip(folder: Path) -> TrainingImage:
    """Make a Python that is no environment and has pip alone."""
    image = plain_image(folder)
    image.add_pip()
    return image


def environment_image(parent: TrainingImage, folder: Path) -> TrainingImage:
    """Make an image whose Python is in a virtual environment over another one."""
    subprocess.run([parent.python, "-m", "venv", "--without-pip", folder], check=True)
    return _image(folder)


def _image(folder: Path) -> TrainingImage:
    # What this Python takes for the folder of its packages differs between distributions.
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    said = subprocess.run([folder / "bin" / "python", "-c", code], check=True, capture_output=True, text=True)
    packages = Path(said.stdout.strip())
    packages.mkdir(parents=True, exist_ok=True)
    return TrainingImage(folder / "bin", packages)
