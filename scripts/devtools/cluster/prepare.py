"""Write what the components of a cluster read: certificates, kubeconfigs, settings."""

import ipaddress
from collections.abc import Callable

from devtools.cluster import settings
from devtools.cluster.certificates import ADMINISTRATORS, Authority
from devtools.cluster.components import node_name
from devtools.cluster.kubeconfig import kubeconfig_text, write_private
from devtools.cluster.state import State

_CLIENTS = {
    "kube-controller-manager": "system:kube-controller-manager",
    "kube-scheduler": "system:kube-scheduler",
    "kube-proxy": "system:kube-proxy",
}
_OURS = ("coredns", "provisioner")


def authority(state: State) -> Authority:
    """Return who signs the certificates of a cluster."""
    return Authority(state.directory / "pki")


def prepare_control_plane(state: State) -> None:
    """Write what the control plane reads; certificates that exist stay, settings are written anew."""
    signer = authority(state)
    signer.create()
    signer.issue("kube-apiserver", "kube-apiserver", addresses=_server_names(state))
    _client(state, "admin", "admin", (ADMINISTRATORS,))
    for name, user in _CLIENTS.items():
        _client(state, name, user)
    for name in _OURS if state.nodes else ():
        _client(state, name, f"trainingjob-cluster:{name}", (ADMINISTRATORS,))
    write_private(state.kubeconfig, (state.directory / "admin.kubeconfig").read_text())
    (state.directory / "audit-policy.yaml").write_text(settings.AUDIT_POLICY)
    if state.nodes:
        (state.directory / "Corefile").write_text(settings.corefile(state))
        (state.directory / "resolv.conf").write_text(settings.resolv_conf(state))


def prepare_node(state: State, index: int, plugins: str) -> None:
    """Write what the components of a node read.

    Args:
        plugins: the folder of the network plugins.
    """
    name, home = node_name(index), state.directory / node_name(index)
    (home / "cni").mkdir(parents=True, exist_ok=True)
    addresses = [f"DNS:{name}", f"IP:{state.network.node(index)}"]
    pair = authority(state).issue(name, f"system:node:{name}", ("system:nodes",), addresses)
    text = kubeconfig_text(state.name, state.server, authority(state).pair.certificate, name, pair)
    write_private(home / "kubeconfig", text)
    (home / "containerd.toml").write_text(settings.containerd_settings(state, index, plugins))
    (home / "cni" / "10-pods.conflist").write_text(settings.pod_network(state, index))
    (home / "kubelet.json").write_text(settings.kubelet_settings(state, index))
    proxy, wanted = home / "kube-proxy.json", settings.proxy_settings(state, index)
    # A kube-proxy that runs ends when its file is written, whatever is in it.
    if not proxy.exists() or proxy.read_text() != wanted:
        proxy.write_text(wanted)


def prepare_machine(state: State, name: str, script: Callable[[], str]) -> None:
    """Write what the first process of a machine runs."""
    home = state.directory / name if name.startswith("node-") else state.directory
    home.mkdir(parents=True, exist_ok=True)
    (home / ("boot.sh" if name.startswith("node-") else f"{name}.sh")).write_text(script())


def _client(state: State, name: str, user: str, groups: tuple[str, ...] = ()) -> None:
    signer = authority(state)
    pair = signer.issue(name, user, groups)
    text = kubeconfig_text(state.name, state.server, signer.pair.certificate, user, pair)
    write_private(state.directory / f"{name}.kubeconfig", text)


def _server_names(state: State) -> list[str]:
    kubernetes = "kubernetes"
    names = [kubernetes, f"{kubernetes}.default", f"{kubernetes}.default.svc"]
    names += [f"{kubernetes}.default.svc.cluster.local", "localhost"]
    addresses = {"127.0.0.1", state.address}
    if state.nodes:
        addresses.add(str(ipaddress.ip_network(state.network.service_subnet)[1]))
    return [*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in sorted(addresses))]
