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
        if not self.pip_file:
            return None
        if not self.workspace:
            raise InstallationError(f"spec.environment.pipFile: {self.pip_file!r} needs spec.source, which brings it")
        file, root = (self.workspace / self.pip_file).resolve(), self.workspace.resolve()
        if root not in file.parents:
            raise InstallationError(f"spec.environment.pipFile: {self.pip_file!r} leaves the source")
        if not file.is_file():
            raise InstallationError(f"spec.environment.pipFile: the source has no file {self.pip_file!r}")
        return file
