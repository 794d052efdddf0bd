"""Build with the Docker daemon of this machine."""

import subprocess
from pathlib import Path
from types import TracebackType

from devtools.progress import Progress
from devtools.shell import run


class Docker:
    """Images in the daemon's own storage."""

    def __init__(self, log: Path, progress: Progress) -> None:
        """Take the log and where to tell what takes long."""
        self._log = log
        self._progress = progress

    @staticmethod
    def answers() -> bool:
        """Say whether there is a daemon that this user may talk to."""
        try:
            done = subprocess.run(["docker", "version"], capture_output=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def __enter__(self) -> "Docker":
        """Do nothing: the daemon is ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: what the daemon keeps is its own."""

    def build(self, context: Path, dockerfile: Path, tag: str) -> None:
        """Build an image.

        Raises:
            StepFailed: when a step of the Dockerfile fails.
        """
        command = ["docker", "build", "--tag", tag, "--file", str(dockerfile), str(context)]
        # Cache mounts need BuildKit, which older daemons do not take by themselves.
        with self._progress.step(f"image {tag}", 60, self._log):
            run(command, log=self._log, env={"DOCKER_BUILDKIT": "1"})

    def save(self, tag: str, archive: Path) -> None:
        """Write an image to a file."""
        with self._progress.step(f"archive of {tag}", 10, self._log):
            run(["docker", "save", "--output", archive, tag], log=self._log)
