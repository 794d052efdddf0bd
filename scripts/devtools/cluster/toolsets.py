"""The programs that a cluster is made of: which Go module holds them and how they are built.

Each set is a Go module of its own below `modules/`, because the dependencies of two sets contradict each other.
"""

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.paths import cache_root

MODULES = Path(__file__).parent / "modules"
DEFAULT_KUBERNETES = "1.35.4"
_NODE_PROGRAMS = ("kube-scheduler", "kubelet", "kube-proxy")


class UnknownVersionError(ClusterError):
    """The project has no module for this version; the message lists those that it has."""


@dataclass(frozen=True)
class ToolSet:
    """One `go build`: the packages of a module that share most of what is compiled.

    Attributes:
        packages: import paths; `.` is the module itself, whose program is named like the set.
        expected: seconds of a build on two cores with empty caches.
    """

    name: str
    version: str
    module: str
    packages: tuple[str, ...] = (".",)
    tags: str = ""
    variables: tuple[str, ...] = ()
    expected: float = 60.0

    @property
    def directory(self) -> Path:
        """Return the folder of the Go module."""
        return MODULES / self.module

    @property
    def programs(self) -> tuple[str, ...]:
        """Return the file names of the programs that the build makes."""
        return tuple(self.name if package == "." else package.rsplit("/", 1)[-1] for package in self.packages)

    def build_arguments(self) -> list[str]:
        """Return the words behind `go build`, without the place of the output."""
        flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])
        tags = [f"-tags={self.tags}"] if self.tags else []
        return ["-mod=readonly", "-trimpath", "-buildvcs=false", *tags, f"-ldflags={flags}"]

    def recipe(self) -> str:
        """Return twelve digits that change with everything that the programs depend on but the Go release."""
        digest = hashlib.sha256()
        for word in [*self.build_arguments(), *self.packages, platform.machine()]:
            digest.update(word.encode() + b"\0")
        for source in sorted(self.directory.iterdir()):
            if source.name in ("go.mod", "go.sum") or source.suffix == ".go":
                digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def home(self) -> Path:
        """Return the folder of the built programs, in the cache that all clones share."""
        return cache_root() / "tools" / f"{self.name}-{self.version}-{self.recipe()}"


def kubernetes_versions() -> list[str]:
    """Return the versions of Kubernetes that can be built, newest first."""
    found = [folder.name.removeprefix("kubernetes-") for folder in MODULES.glob("kubernetes-*")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def resolve_version(wanted: str) -> str:
    """Return the newest version that is `wanted` or starts with it: `1.30` means the newest 1.30.

    Raises:
        UnknownVersionError: when there is none.
    """
    wanted = wanted.removeprefix("v")
    known = kubernetes_versions()
    for version in known:
        if version == wanted or version.startswith(f"{wanted}."):
            return version
    raise UnknownVersionError(f"Kubernetes {wanted} cannot be built here; these versions can: {', '.join(known)}.")


def kubernetes(version: str) -> ToolSet:
    """Return the set of Kubernetes' own programs; those of a node are left out where its module lacks them."""
    major, minor, _ = version.split(".")
    requirements = (MODULES / f"kubernetes-{version}" / "go.mod").read_text()
    prefix = "k8s.io/kubernetes/cmd/"
    names = ["kube-apiserver", "kube-controller-manager", "kubectl", *_NODE_PROGRAMS]
    variables = [
        f"{package}/version.git{key}={value}"
        for package in ("k8s.io/component-base", "k8s.io/client-go/pkg")
        for key, value in (("Version", f"v{version}"), ("Major", major), ("Minor", minor))
    ]
    return ToolSet(
        name="kubernetes",
        version=version,
        module=f"kubernetes-{version}",
        packages=tuple(prefix + name for name in names if f"tool {prefix}{name}\n" in requirements),
        tags="grpcnotrace",
        variables=tuple(variables),
        expected=400,
    )


def kubectl() -> ToolSet:
    """Return the set that holds only the client, for a cluster that somebody else runs."""
    whole = kubernetes(DEFAULT_KUBERNETES)
    return ToolSet(
        name="kubectl",
        version=whole.version,
        module=whole.module,
        packages=("k8s.io/kubernetes/cmd/kubectl",),
        tags=whole.tags,
        variables=whole.variables,
        expected=90,
    )


_CONTAINERD = "github.com/containerd/containerd/v2"
ETCD = ToolSet("etcd", "3.6.5", "etcd", expected=45)
COREDNS = ToolSet("coredns", "1.13.2", "coredns", expected=60)
PAUSE = ToolSet("pause", "1", "pause", expected=5)
HELM = ToolSet(
    "helm",
    "4.1.1",
    "helm",
    packages=("helm.sh/helm/v4/cmd/helm",),
    variables=("helm.sh/helm/v4/internal/version.version=v4.1.1",),
    expected=90,
)
CONTAINERD = ToolSet(
    "containerd",
    "2.1.5",
    "containerd",
    packages=tuple(f"{_CONTAINERD}/cmd/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    tags="no_btrfs,no_zfs,no_devmapper",
    variables=(f"{_CONTAINERD}/version.Version=v2.1.5",),
    expected=80,
)
EVERYTHING = (kubernetes(DEFAULT_KUBERNETES), ETCD, HELM, CONTAINERD, COREDNS, PAUSE)
"""What a cluster of the usual version with nodes needs, and what its users need, the longest build first."""


def sets_for(version: str, nodes: int) -> list[ToolSet]:
    """Return what a cluster needs, what takes longest first."""
    control_plane = [kubernetes(version), ETCD]
    return control_plane if nodes == 0 else [*control_plane, HELM, CONTAINERD, COREDNS, PAUSE]


def by_name(name: str) -> ToolSet:
    """Return one set: `kubectl`, `helm`, `etcd`, `containerd`, `coredns`, `pause`, `kubernetes` or `kubernetes-1.30`.

    Raises:
        UnknownVersionError: when there is no such set.
    """
    if name.startswith("kubernetes"):
        return kubernetes(resolve_version(name.partition("-")[2] or DEFAULT_KUBERNETES))
    fixed = {found.name: found for found in (kubectl(), HELM, ETCD, CONTAINERD, COREDNS, PAUSE)}
    if name not in fixed:
        raise UnknownVersionError(
            f"There is no tool set '{name}'; there are: {', '.join(sorted([*fixed, 'kubernetes']))}."
        )
    return fixed[name]
