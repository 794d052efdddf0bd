"""Install packages as a pod of a job would: the copied tools, run in a training image that a test has made."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.package_index import PackageIndex
from tests.support.training_images import TrainingImage
from trainingjob.contract.tasks import CondaPackages, CopyTools, InstallPackages
from trainingjob.sidecar import tools
from trainingjob.sidecar.conda_file import read_request

WRAPPER = 'export PATH="{0}/bin:$PATH" VIRTUAL_ENV="{0}"; exec "$@"'
"""What the operator puts in front of a program: the shell's text, into which nothing of the user's goes."""

CONDA_WRAPPER = '. {0}/activate.sh && exec "$@"'
"""The same where packages of conda are among them."""


def copied_tools(folder: Path, conda: CondaPackages | None = None) -> Path:
    """Return a folder with the tools as the container copy-tools leaves it."""
    tools.run(CopyTools(tools=str(folder), conda=conda).model_dump_json())
    return folder


def tools_for(asked: CondaPackages, folder: Path, full: Path) -> Path:
    """Return tools that ask conda for something else than those of a folder, which has a solver that is large."""
    shutil.copytree(full / "packages", folder / "packages")
    for name in ("install-packages", "trainingjob.py"):
        shutil.copy(full / name, folder)
    for name in ("pip", "rattler"):
        (folder / name).symlink_to(full / name)
    (folder / "conda.json").write_text(json.dumps(read_request(asked).as_json()))
    return folder


@dataclass(frozen=True)
class Installed:
    """What became of an installation."""

    image: TrainingImage
    environment: Path
    code: int
    log: str
    """What it wrote to stdout."""
    message: str
    """What it wrote to stderr: it is the termination message, too."""

    @property
    def own_packages(self) -> set[str]:
        """Return what lies in the environment itself, as in `six-1.17.0`."""
        return {path.stem for path in self.environment.glob("lib/python*/site-packages/*.dist-info")}

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the job as the operator would have it run."""
        return subprocess.run(self.command(*command), env=self.variables, cwd=cwd, capture_output=True, text=True)  # noqa: PLW1510

    def command(self, *command: str) -> list[str]:
        """Return a program with what the operator puts before it."""
        wrapper = CONDA_WRAPPER if (self.environment / "activate.sh").exists() else WRAPPER
        return ["/bin/sh", "-c", wrapper.format(self.environment), "sh", *command]

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables of the image."""
        return {"PATH": self.image.search_path}


@dataclass(frozen=True)
class Installer:
    """The container install-packages, on this machine."""

    folder: Path
    """A new one for each test."""
    tools: Path

    def __call__(
        self,
        image: TrainingImage,
        pip: Sequence[str] = (),
        *,
        index: PackageIndex | None = None,
        variables: dict[str, str] | None = None,
        **task: str | bool,
    ) -> Installed:
        """Install into a new environment in an image; without an index none is reachable."""
        with self.begin(image, pip, index=index, variables=variables, **task) as process:
            log, message = process.communicate()
        return Installed(image, self.folder / "environment", process.returncode, log, message)

    def begin(
        self,
        image: TrainingImage,
        pip: Sequence[str] = (),
        *,
        index: PackageIndex | None = None,
        variables: dict[str, str] | None = None,
        **task: str | bool,
    ) -> subprocess.Popen[str]:
        """Begin to install."""
        url = {"index_url": index.url} if index and "credentials" not in task else {}
        environment = str(self.folder / "environment")
        asked = InstallPackages.model_validate({"environment": environment, "pip": pip, **url, **task})
        told = {
            "PATH": image.search_path,
            "TRAININGJOB_TASK": asked.model_dump_json(),
            # Nobody but the test's own index is asked, and not for long.
            "PIP_CONFIG_FILE": os.devnull,
            **({} if task.get("credentials") else {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}),
            "PIP_RETRIES": "0",
            "CONDA_REMOTE_MAX_RETRIES": "0",
            **(variables or {}),
        }
        return subprocess.Popen(
            [self.tools / "install-packages"],
            env=told,
            cwd=str(task.get("workspace", "/")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def packages_seen(installed: Installed, *modules: str) -> dict[str, str]:
    """Return the version of each module as a program of the job imports it."""
    code = f"import json; print(json.dumps({{name: __import__(name).VERSION for name in {modules!r}}}))"
    done = installed.run("python", "-c", code)
    return dict(json.loads(done.stdout))
