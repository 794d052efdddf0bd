"""The processes of a cluster: what each is called, how it is started, where, and how to see that it is well."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devtools.cluster.state import State

CONTROL_PLANE = "control-plane"
PROVISIONER = "provisioner"
_SCRIPTS = Path(__file__).resolve().parents[2]
_SERVICES_WITHOUT_NODES = "10.96.0.0/16"


@dataclass(frozen=True)
class Component:
    """One process of a cluster.

    Attributes:
        machine: the component whose namespaces it runs in; empty for the host's own.
        creates: whether it is a machine itself: the first process of namespaces of its own.
        health: a URL that answers with status 200 when all is well, or the path of a socket; empty where being
            alive is all.
        path: folders of programs that it starts itself.
    """

    name: str
    command: tuple[str, ...]
    machine: str = ""
    creates: bool = False
    health: str = ""
    path: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def node_name(index: int) -> str:
    """Return the name of a node in Kubernetes, which is that of its machine here."""
    return f"node-{index}"


def components(state: State) -> list[Component]:
    """Return every process of a cluster that this tool runs itself, in the order in which they are started."""
    if state.nodes == 0:
        return [_etcd(state), _api_server(state), _controller_manager(state)]
    control = Component(CONTROL_PLANE, ("/bin/sh", str(state.directory / "control-plane.sh")), creates=True)
    found = [control, _etcd(state), _api_server(state), _controller_manager(state), _scheduler(state), _dns(state)]
    for index in range(1, state.nodes + 1):
        found += _node(state, index)
    return [*found, _provisioner(state)]


def _etcd(state: State) -> Component:
    client = f"http://127.0.0.1:{state.port('etcd', 2379)}"
    peer = f"http://127.0.0.1:{state.port('etcd-peer', 2380)}"
    health = f"http://{state.address}:{state.port('etcd-health', 2381)}"
    command = [
        state.program("etcd", "etcd"),
        "--name=default",
        f"--data-dir={state.directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--listen-metrics-urls={health}",
        "--unsafe-no-fsync",  # the data is worth nothing after the machine has crashed
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]
    return _on_control_plane(state, "etcd", command, f"{health}/health")


def _api_server(state: State) -> Component:
    pki = state.directory / "pki"
    without_nodes = ["--endpoint-reconciler-type=none", f"--service-cluster-ip-range={_SERVICES_WITHOUT_NODES}"]
    with_nodes = [
        f"--service-cluster-ip-range={state.network.service_subnet}",
        # Webhooks and aggregated servers are reached at their pods: this machine has no cluster addresses.
        "--enable-aggregator-routing=true",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'admin.crt'}",
        f"--kubelet-client-key={pki / 'admin.key'}",
        "--kubelet-preferred-address-types=InternalIP",
    ]
    command = [
        state.program("kubernetes", "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{state.port('etcd', 2379)}",
        f"--bind-address={'0.0.0.0' if state.nodes else '127.0.0.1'}",  # noqa: S104 - in namespaces of its own
        f"--secure-port={state.port('kube-apiserver', 6443)}",
        f"--advertise-address={state.address}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'service-account.crt'}",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--audit-policy-file={state.directory / 'audit-policy.yaml'}",
        f"--audit-log-path={state.directory / 'audit.log'}",
        "--audit-log-maxsize=2000",  # megabytes: whoever counts in it wants all of it
        *(with_nodes if state.nodes else without_nodes),
    ]
    return _on_control_plane(state, "kube-apiserver", command, f"{state.server}/readyz")


def _controller_manager(state: State) -> Component:
    pki = state.directory / "pki"
    command = [
        state.program("kubernetes", "kube-controller-manager"),
        *_controller_flags(state, "kube-controller-manager", 10257),
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--use-service-account-credentials=true",
    ]
    health = f"https://{state.address}:{state.port('kube-controller-manager', 10257)}/healthz"
    return _on_control_plane(state, "kube-controller-manager", command, health)


def _scheduler(state: State) -> Component:
    command = [state.program("kubernetes", "kube-scheduler"), *_controller_flags(state, "kube-scheduler", 10259)]
    return _on_control_plane(state, "kube-scheduler", command, f"https://{state.address}:10259/healthz")


def _controller_flags(state: State, name: str, usual: int) -> list[str]:
    config = state.directory / f"{name}.kubeconfig"
    return [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={'0.0.0.0' if state.nodes else '127.0.0.1'}",  # noqa: S104 - in namespaces of its own
        f"--secure-port={state.port(name, usual)}",
        # One process needs no election, and one without election survives an outage of the API server.
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def _dns(state: State) -> Component:
    command = [state.program("coredns", "coredns"), "-conf", str(state.directory / "Corefile")]
    return _on_control_plane(state, "coredns", command, f"http://{state.address}:8181/ready")


def _on_control_plane(state: State, name: str, command: list[str], health: str) -> Component:
    return Component(name, tuple(command), machine=CONTROL_PLANE if state.nodes else "", health=health)


def _node(state: State, index: int) -> list[Component]:
    machine, address, home = node_name(index), state.network.node(index), state.directory / node_name(index)
    containerd = Component(
        f"containerd-{index}",
        (state.program("containerd", "containerd"), "--config", str(home / "containerd.toml")),
        machine=machine,
        health=str(home / "run" / "containerd" / "containerd.sock"),
        path=(state.tools["containerd"],),
    )
    kubelet = Component(
        f"kubelet-{index}",
        (
            state.program("kubernetes", "kubelet"),
            f"--config={home / 'kubelet.json'}",
            f"--kubeconfig={home / 'kubeconfig'}",
            f"--hostname-override={machine}",
            f"--node-ip={address}",
        ),
        machine=machine,
        health=f"http://{address}:10248/healthz",
    )
    proxy = Component(
        f"kube-proxy-{index}",
        (state.program("kubernetes", "kube-proxy"), f"--config={home / 'kube-proxy.json'}"),
        machine=machine,
        health=f"http://{address}:10256/healthz",
    )
    return [Component(machine, ("/bin/sh", str(home / "boot.sh")), creates=True), containerd, kubelet, proxy]


def _provisioner(state: State) -> Component:
    command = (sys.executable, "-m", "devtools.cluster.provisioner", str(state.directory))
    return Component(PROVISIONER, command, env={"PYTHONPATH": str(_SCRIPTS), "PYTHONUNBUFFERED": "1"})
