"""What is to be installed: the task as the operator wrote it, checked against what is there."""

import json
from pathlib import Path
from typing import List, NamedTuple, Optional

from .failures import InstallationError

VARIABLE = "TRAININGJOB_TASK"


class Task(NamedTuple):
    """The fields of `InstallPackages`; folders that are not given are None."""

    environment: Path
    pip: List[str]
    pip_file: str
    index_url: str
    credentials: Optional[Path]
    cache: Optional[Path]
    workspace: Optional[Path]
    cuda: bool

    @classmethod
    def read(cls, text: str) -> "Task":
        """Return the task of a container; the operator that wrote it has the version of this code."""
        given = json.loads(text)
        credentials, cache, workspace = (given.get(name) for name in ("credentials", "cache", "workspace"))
        return cls(
            Path(given["environment"]),
            given.get("pip", []),
            given.get("pip_file", ""),
            given.get("index_url", ""),
            Path(credentials) if credentials else None,
            Path(cache) if cache else None,
            Path(workspace) if workspace else None,
            given.get("cuda", False),
        )

    def requirements(self) -> List[str]:
        """Return the words that tell pip what to install.

        Raises:
            InstallationError: when one of them is no requirement, or the file is not in the workspace.
        """
        for requirement in self.pip:
            if not requirement.strip() or requirement.lstrip().startswith("-"):
                raise InstallationError(
                    f"spec.environment.pip: {requirement!r} is no requirement; an option of pip stands in a file that "
                    "spec.environment.pipFile names"
                )
        file = self.requirements_file()
        return [*self.pip, *(["-r", str(file)] if file else [])]

    def requirements_file(self) -> Optional[Path]:
        """Return the requirements file, None where none is wanted.

        Raises:
            InstallationError: when it is not there, or lies outside of the workspace.
        """
        return self.file_of_workspace(self.pip_file, "spec.environment.pipFile") if self.pip_file else None

    def file_of_workspace(self, name: str, field: str) -> Path:
        """Return a file of the workspace.

        Args:
            field: who names it.

        Raises:
            InstallationError: when it is not there, or lies outside of the workspace.
        """
        if not self.workspace:
            raise InstallationError(f"{field}: {name!r} needs spec.source, which brings it")
        file, root = (self.workspace / name).resolve(), self.workspace.resolve()
        if root not in file.parents:
            raise InstallationError(f"{field}: {name!r} leaves the source")
        if not file.is_file():
            raise InstallationError(f"{field}: the source has no file {name!r}")
        return file
