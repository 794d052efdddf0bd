"""What is known about a cluster from its name alone: its folder, and the choices that were made once for it."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devtools.cluster.addresses import Network
from devtools.cluster.errors import ClusterError
from devtools.paths import cache_root

OWN = "own"
KIND = "kind"
GIVEN = "given"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")


@dataclass
class State:
    """The choices for one cluster, kept in its folder from before anything is started.

    Attributes:
        provider: who runs it: `own`, `kind`, or `given` for a kubeconfig that somebody handed over.
        prefix: the first half of its addresses; empty without nodes.
        ports: on the loopback address, by component; empty with nodes, which have addresses of their own.
        tools: folders of the programs, by tool set.
        given: the kubeconfig that was handed over.
    """

    name: str
    provider: str
    nodes: int
    kubernetes: str
    prefix: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    given: str = ""

    @property
    def directory(self) -> Path:
        """Return the folder that holds everything of this cluster."""
        return directory_of(self.name)

    @property
    def key(self) -> str:
        """Return a short text that no other cluster of this machine has, for names that the kernel keeps."""
        return "tj" + hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]

    @property
    def network(self) -> Network:
        """Return its addresses; only a cluster with nodes has them."""
        return Network(self.prefix, self.key)

    @property
    def address(self) -> str:
        """Return the address of the control plane."""
        return self.network.control_plane if self.nodes else "127.0.0.1"

    def port(self, component: str, usual: int) -> int:
        """Return the port of a component: the usual one where the cluster has an address of its own."""
        return self.ports.get(component, usual)

    @property
    def server(self) -> str:
        """Return the URL of the API server."""
        return f"https://{self.address}:{self.port('kube-apiserver', 6443)}"

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return Path(self.given) if self.provider == GIVEN else self.directory / "kubeconfig"

    def program(self, tools: str, name: str) -> str:
        """Return the path of a built program."""
        return str(Path(self.tools[tools]) / name)

    def log(self, component: str) -> Path:
        """Return the file that a component's output goes to."""
        return self.directory / "logs" / f"{component}.log"

    def save(self) -> None:
        """Write the choices down, all or nothing."""
        self.directory.mkdir(parents=True, exist_ok=True)
        draft = self.directory / "state.json.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(self.directory / "state.json")


def clusters_root() -> Path:
    """Return the folder that holds the folders of all clusters."""
    return cache_root() / "clusters"


def directory_of(name: str) -> Path:
    """Return a cluster's folder.

    Raises:
        ClusterError: when the name is not one that a cluster can have.
    """
    if not _NAME.fullmatch(name):
        raise ClusterError(f"'{name}' cannot name a cluster: lower-case letters, digits and '-', at most 32 of them.")
    return clusters_root() / name


def lock_of(name: str) -> Path:
    """Return the lock file of a cluster; it stays when the cluster goes, because others may wait for it."""
    return directory_of(name).parent / f".{name}.lock"


def find(name: str) -> State | None:
    """Return the choices of a cluster, None when there is no such cluster."""
    path = directory_of(name) / "state.json"
    return State(**json.loads(path.read_text())) if path.exists() else None


def every() -> Iterator[State]:
    """Yield every cluster of this cache folder, by name."""
    for path in sorted(clusters_root().glob("*/state.json")):
        found = find(path.parent.name)
        if found is not None:
            yield found
