"""What a new cluster is to be, and whether one that is there is what somebody asks for."""

from pathlib import Path

from devtools.cluster import external
from devtools.cluster.addresses import MAX_NODES, choose_ports
from devtools.cluster.errors import ClusterError
from devtools.cluster.packages import require_possible
from devtools.cluster.state import GIVEN, KIND, OWN, State, clusters_root, every
from devtools.cluster.toolsets import DEFAULT_KUBERNETES, kubernetes, resolve_version
from devtools.locking import locked

_LOOPBACK_PORTS = ("etcd", "etcd-peer", "etcd-health", "kube-apiserver", "kube-controller-manager")


def choose(name: str, wanted: int | None, version: str | None, kubeconfig: Path | None, *, own: bool) -> State:
    """Return the choices for a new cluster; its ports are written down at once.

    Raises:
        ClusterError: when there can be no such cluster here.
    """
    nodes = 1 if wanted is None else wanted
    if not 0 <= nodes <= MAX_NODES:
        raise ClusterError(f"A cluster has 0 to {MAX_NODES} nodes, not {nodes}.")
    if kubeconfig is not None:
        if not kubeconfig.is_file():
            raise ClusterError(f"There is no kubeconfig {kubeconfig}.")
        return State(name, GIVEN, nodes, version or "", given=str(kubeconfig.absolute()))
    # Outages and nodes without a kubelet are what a cluster without nodes is for; kind has neither.
    if nodes and not own and external.kind_works():
        return State(name, KIND, nodes, version or "")
    chosen = resolve_version(version or DEFAULT_KUBERNETES)
    if nodes and "kubelet" not in kubernetes(chosen).programs:
        raise ClusterError(f"Kubernetes {chosen} is here for clusters without nodes only: add --nodes 0.")
    require_possible(nodes)
    state = State(name, OWN, nodes, chosen)
    if nodes == 0:
        with locked(clusters_root() / ".ports.lock"):
            state.ports = choose_ports(_LOOPBACK_PORTS, [port for other in every() for port in other.ports.values()])
            state.save()
    return state


def compare(state: State, nodes: int | None, version: str | None, kubeconfig: Path | None) -> None:
    """Check that a cluster is what somebody asks for; None asks for nothing.

    Raises:
        ClusterError: when it is another one; the message says in what.
    """
    differences = []
    if kubeconfig is not None and str(kubeconfig.absolute()) != state.given:
        differences.append("another kubeconfig")
    if state.provider != GIVEN and nodes not in (None, state.nodes):
        differences.append(size(state.nodes))
    if version is not None and state.provider == OWN and resolve_version(version) != state.kubernetes:
        differences.append(f"Kubernetes {state.kubernetes}")
    if differences:
        raise ClusterError(
            f"There is a cluster '{state.name}' already, with {' and '.join(differences)}. Choose another --name, or "
            f"remove it first: scripts/cluster down --name {state.name}"
        )


def size(nodes: int) -> str:
    """Return how many nodes these are, in words."""
    return f"{nodes} node{'s' * (nodes > 1)}" if nodes else "no nodes"
