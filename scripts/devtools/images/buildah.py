"""Build without a daemon: buildah, with a storage of its own in the cache folder."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from devtools.images import base, host
from devtools.images.errors import ImageError
from devtools.images.names import base_images
from devtools.progress import Progress, StepFailed
from devtools.shell import CommandFailed, run

_DEBIAN_PACKAGES = ("buildah", "debootstrap", "debian-archive-keyring")
_PULL_SECONDS = 300
_TRIES = 3
_PASSING = "sealing memfd copy: Device or resource busy"
"""What buildah says, on a busy machine, when the kernel still holds a page of the copy of itself that it will run."""
# The command and all that it starts die with this process, and their mounts too: a killed build leaves none behind.
_CONTAINED = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Buildah:
    """Images in a folder; only one process at a time may use it.

    Layers and the folders of a Dockerfile's cache mounts stay there, so that repeated builds download nothing again.
    """

    def __init__(self, log: Path, folder: Path, progress: Progress) -> None:
        """Take the log, the folder of the storage and where to tell what takes long."""
        self._log = log
        self._folder = folder
        self._progress = progress
        self._scratch = Path()
        self._driver = "overlay"

    def __enter__(self) -> "Buildah":
        """Install buildah where it is missing and clear up after an interrupted build.

        Raises:
            ImageError: when this user or this machine cannot build.
        """
        if os.geteuid() != 0:
            raise ImageError("No Docker daemon answers, and building without one needs root.")
        self._install()
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob("scratch-*"):
            shutil.rmtree(left)
        self._scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self._folder))
        (self._folder / "tmp").mkdir(exist_ok=True)
        self._driver = self._working_driver()
        self._buildah("rm", "--all")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what only this run needed."""
        shutil.rmtree(self._scratch)

    def build(self, context: Path, dockerfile: Path, tag: str) -> None:
        """Build an image, after the images that it starts from.

        Raises:
            ImageError: when one of those can neither be pulled nor be made.
            StepFailed: when a step of the Dockerfile fails.
        """
        for image in base_images(dockerfile.read_text()):
            self._provide(image)
        with self._progress.step(f"image {tag}", 60, self._log):
            self._run_steps(context, dockerfile, tag)

    def _run_steps(self, context: Path, dockerfile: Path, tag: str) -> None:
        volumes = [word for mount in host.mounts(self._scratch, os.environ) for word in ("--volume", mount)]
        options = ["--layers", "--isolation", "chroot", "--pull-never", *volumes]
        self._patiently("build", *options, "--tag", tag, "--file", str(dockerfile), str(context))

    def save(self, tag: str, archive: Path) -> None:
        """Write an image to a file."""
        with self._progress.step(f"archive of {tag}", 10, self._log):
            self._buildah("push", "--quiet", tag, f"docker-archive:{archive}:{tag}")

    def remove_untagged(self) -> None:
        """Remove the layers that no tagged image stands on.

        Raises:
            CommandFailed: when buildah fails; its output is in the log.
        """
        self._buildah("rmi", "--prune")

    def _provide(self, image: str) -> None:
        if self._has(image):
            return
        try:
            with self._progress.step(f"pull of {image}", 20):
                self._buildah("pull", image, timeout=_PULL_SECONDS)
        except StepFailed as failure:
            if image not in base.STAND_INS:
                known = ", ".join(base.STAND_INS)
                raise ImageError(f"{image} cannot be pulled, and only these can be made here: {known}.") from failure
            self._progress.say(f"{image} cannot be pulled; a stand-in is made of Debian's packages instead")
            self._make(image)

    def _has(self, image: str) -> bool:
        try:
            self._buildah("inspect", "--type", "image", image)
        except CommandFailed:
            return False
        return True

    def _make(self, image: str) -> None:
        root = self._scratch / "root"
        with self._progress.step(f"stand-in for {image}", 100, self._log):
            base.make_root(root, self._log, _CONTAINED)
            container = "stand-in"
            self._buildah("from", "--name", container, "scratch")
            self._buildah("add", "--quiet", container, root, "/")
            self._buildah(
                "config", "--env", "LANG=C.UTF-8", "--cmd", "python3", "--label", "made-by=debootstrap", container
            )
            self._buildah("commit", "--quiet", "--rm", container, image)

    def _install(self) -> None:
        missing = [name for name in ("buildah", "debootstrap") if shutil.which(name) is None]
        if not missing:
            return
        if shutil.which("apt-get") is None:
            raise ImageError(f"No Docker daemon answers, and {' and '.join(missing)} must be installed to do without.")
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *_DEBIAN_PACKAGES]
        with self._progress.step("apt-get install " + " ".join(missing), 15, self._log):
            try:
                run(install, log=self._log, env={"DEBIAN_FRONTEND": "noninteractive"})
            except CommandFailed:
                run(["apt-get", "update"], log=self._log)
                run(install, log=self._log, env={"DEBIAN_FRONTEND": "noninteractive"})

    def _working_driver(self) -> str:
        try:
            self._buildah("info")
        except CommandFailed:
            return "vfs"
        return "overlay"

    def _patiently(self, *words: str) -> None:
        """Run buildah, and again where it failed for a cause that passes; the steps that were done are not repeated."""
        for left in reversed(range(_TRIES)):
            told = self._log.stat().st_size if self._log.exists() else 0
            try:
                self._buildah(*words)
                return
            except CommandFailed:
                if not left or _PASSING not in self._log.read_text(errors="replace")[told:]:
                    raise

    def _buildah(self, *words: str | Path, timeout: float | None = None) -> None:
        places: list[str | Path] = ["--root", self._folder / self._driver, "--runroot", self._scratch / "run"]
        command = [*_CONTAINED, "buildah", *places, "--storage-driver", self._driver, *words]
        run(command, log=self._log, env={"TMPDIR": str(self._folder / "tmp")}, timeout=timeout)
