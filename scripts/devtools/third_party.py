"""Files and programs of other projects, for tests: brought as Go modules or npm packages, checked by their sums."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.golang import environment, find_go
from devtools.locking import locked
from devtools.nodejs import install_locked
from devtools.paths import cache_root
from devtools.progress import Progress
from devtools.shell import run


class WrongSum(Exception):
    """What was brought is not the module that was meant."""


@dataclass(frozen=True)
class Module:
    """A version of a Go module, with the sum that the Go project's own database has of it."""

    path: str
    version: str
    total: str

    @property
    def home(self) -> Path:
        """Return the folder in the cache for what is taken from the module."""
        return cache_root() / "third-party" / f"{self.path.replace('/', '-')}-{self.version}"


VOLCANO = Module("volcano.sh/volcano", "v1.10.0", "h1:+GzQinGgeV0j58WpWpxByOXgF+YfUPW55zghM8GqjF0=")
SCHEDULER_PLUGINS = Module(
    "sigs.k8s.io/scheduler-plugins", "v0.33.5", "h1:9u4QAYbuoxa59aStrJKP4Bii2EQrZmGPN2tzvfs2gL0="
)
KUEUE = Module("sigs.k8s.io/kueue", "v0.15.0", "h1:9Khzc2ne6/eWuZx5o+R4KlVBzh3kZkTIMzpPC2e8Spg=")
VERSITYGW = Module("github.com/versity/versitygw", "v1.8.0", "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=")
"""An S3 server that keeps its objects as files of a folder."""

VOLCANO_POD_GROUPS = (VOLCANO, "config/crd/volcano/bases/scheduling.volcano.sh_podgroups.yaml")
COSCHEDULING_POD_GROUPS = (SCHEDULER_PLUGINS, "config/crd/bases/scheduling.x-k8s.io_podgroups.yaml")
"""The definitions of PodGroup, as each scheduler has its own."""

KUEUE_DEFINITIONS = tuple(
    f"config/components/crd/bases/kueue.x-k8s.io_{kind}.yaml"
    for kind in (
        "admissionchecks",
        "clusterqueues",
        "cohorts",
        "localqueues",
        "multikueueclusters",
        "multikueueconfigs",
        "provisioningrequestconfigs",
        "resourceflavors",
        "topologies",
        "workloadpriorityclasses",
        "workloads",
    )
)
KUEUE_WEBHOOKS = "config/components/webhook/manifests.yaml"


def bring_file(module: Module, name: str) -> Path:
    """Return the path of a copy of one of a module's files.

    Raises:
        CommandFailed: when the module cannot be had.
        WrongSum: when it is another one than was meant.
    """
    copy = module.home / "files" / name
    with locked(_lock(module)):
        if not copy.exists():
            source = _download(module) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            part = copy.with_name(f".{copy.name}")
            part.write_bytes(source.read_bytes())
            part.rename(copy)
    return copy


def build_program(module: Module, package: str, expected: float) -> Path:
    """Return the path of a program of a module, which is built when it is not there yet.

    Args:
        package: the package's folder within the module.
        expected: seconds of a build on two cores.

    Raises:
        StepFailed: when the build fails.
    """
    program = module.home / "bin" / package.replace("/", "-")
    log = cache_root() / "tools" / "logs" / f"{module.home.name}.log"
    with locked(_lock(module)):
        if not program.exists():
            progress = Progress("third-party")
            with progress.step(f"build {module.path}/{package} {module.version}", expected, log):
                _build(module, package, program, log, progress)
    return program


def versitygw() -> Path:
    """Return the path of an S3 server, which is built when it is not there yet; raises as `build_program` does."""
    return build_program(VERSITYGW, "cmd/versitygw", 300)


def azurite() -> list[Path]:
    """Return the words that start an Azure Blob Storage server, which is installed when it is not there yet.

    Raises:
        ClusterError: when there is no Node.js, nor a way to bring one.
        StepFailed: when the installation fails.
    """
    node, packages = install_locked(Path(__file__).with_name("azurite"), 30)
    return [node, packages / "azurite" / "dist" / "src" / "blob" / "main.js"]


def _lock(module: Module) -> Path:
    return module.home.with_name(f".{module.home.name}.lock")


def _download(module: Module) -> Path:
    """Return the folder of a module's source, read-only, in Go's own cache."""
    words = [find_go(Progress("third-party")), "mod", "download", "-json", f"{module.path}@{module.version}"]
    # Outside of every module, whose own requirements would have a say in it.
    found = json.loads(run(words, cwd=Path(tempfile.gettempdir()), env=environment()))
    if found["Sum"] != module.total:
        raise WrongSum(f"{module.path} {module.version} has the sum {found['Sum']}, not {module.total}.")
    return Path(found["Dir"])


def _build(module: Module, package: str, program: Path, log: Path, progress: Progress) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".source-") as folder:
        # A module replaces others only where it is the main one, which needs a copy that can be written.
        source = Path(folder) / "source"
        shutil.copytree(_download(module), source)
        for found in (source, *source.rglob("*")):
            found.chmod(found.stat().st_mode | 0o200)
        built = Path(folder) / "program"
        words = [find_go(progress), "build", "-trimpath", "-ldflags=-s -w", "-o", os.fspath(built), f"./{package}"]
        run(words, cwd=source, env=environment(), log=log)
        built.rename(program)
