"""Connect the namespaces of a cluster: a bridge of its own, a link to each node, one link to the host."""

import json
from pathlib import Path

from devtools.cluster.addresses import Network, choose_prefix, is_free, routed
from devtools.cluster.errors import ClusterError
from devtools.cluster.state import State, every
from devtools.locking import locked
from devtools.shell import CommandFailed, run

_BRIDGE = "lan"
_HOST_END = "host"
_NODE_END = "eth0"
_BRIDGE_ADDRESS = "02:00:00:00:00:01"
"""A bridge without one of its own has that of a port: when a node loses power the others look for it in vain for half a
minute. Each cluster's is in a network of its own."""


def connect_host(state: State, control_plane: int) -> None:
    """Choose the cluster's network where that is open, and make its bridge and the link to the host.

    The choice is written down before the link exists, under a lock for the whole machine: two clusters that come up
    at the same time, even from two cache folders, never choose the same.

    Args:
        control_plane: pid of the control plane's first process.

    Raises:
        ClusterError: when something else has taken the network that the cluster had.
        NoAddressLeftError: when there is none to choose.
    """
    with locked(Path("/")):
        remove(state)
        used = routed(json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]"))
        if not state.prefix:
            # One whose control plane is down has no route at the moment.
            others = [f"{other.prefix}.0.0/16" for other in every() if other.prefix]
            state.prefix = choose_prefix([*used, *others])
            state.save()
        net = state.network
        if not is_free(state.prefix, used):
            raise ClusterError(
                f"The network {net.subnet} of cluster '{state.name}' is routed elsewhere by now. "
                f"Take the cluster down and up again: scripts/cluster down --name {state.name}"
            )
        run(["ip", "link", "add", net.link, "type", "veth", "peer", "name", _HOST_END, "netns", str(control_plane)])
        batch(None, host_commands(net))
    if not _has(control_plane, _BRIDGE):
        batch(control_plane, bridge_commands(net))
    batch(control_plane, port_commands(_HOST_END))


def connect_node(state: State, index: int, control_plane: int, node: int) -> None:
    """Make the link between a node and the bridge, in place of one that is there.

    Args:
        control_plane: pid of the control plane's first process.
        node: pid of the node's first process.
    """
    if node_connected(index, control_plane):
        disconnect_node(index, control_plane)
    peer = f"peer name {_NODE_END} netns {node}"
    batch(control_plane, [f"link add {_port(index)} type veth {peer}", *port_commands(_port(index))])
    batch(control_plane, route_commands(state.network, index))
    batch(node, node_commands(state.network, index))


def disconnect_node(index: int, control_plane: int) -> None:
    """Remove the link between a node and the bridge."""
    batch(control_plane, [f"link del {_port(index)}"])


def node_connected(index: int, control_plane: int) -> bool:
    """Return whether the control plane has a link to the node."""
    return _has(control_plane, _port(index))


def host_connected(state: State) -> bool:
    """Return whether the host has its link to the cluster."""
    return Path("/sys/class/net", state.key).exists()


def remove(state: State) -> None:
    """Remove the host's end of the link, and with it the routes of the cluster."""
    if not host_connected(state):
        return
    try:
        run(["ip", "link", "del", state.key])
    except CommandFailed:
        # The kernel removes it too, some time after the control plane's namespaces have gone.
        if host_connected(state):
            raise


def host_commands(net: Network) -> list[str]:
    """Return what gives the host its address and its way to nodes, pods and Services."""
    return [
        f"addr add {net.host}/24 dev {net.link}",
        f"link set {net.link} up",
        f"route add {net.subnet} via {net.control_plane} dev {net.link}",
    ]


def bridge_commands(net: Network) -> list[str]:
    """Return what makes the control plane the bridge between its nodes."""
    return [
        "link set lo up",
        f"link add {_BRIDGE} address {_BRIDGE_ADDRESS} type bridge",
        f"addr add {net.control_plane}/24 dev {_BRIDGE}",
        f"link set {_BRIDGE} up",
    ]


def route_commands(net: Network, index: int) -> list[str]:
    """Return what makes the control plane the router to a node's pods.

    Services are known to nodes only; the first one answers for the host, which has no rules of its own.
    """
    subnets = [net.pods(index), *([net.service_subnet] if index == 1 else [])]
    return [f"route replace {subnet} via {net.node(index)}" for subnet in subnets]


def port_commands(port: str) -> list[str]:
    """Return what plugs a link into the bridge."""
    return [f"link set {port} master {_BRIDGE}", f"link set {port} up"]


def node_commands(net: Network, index: int) -> list[str]:
    """Return what gives a node its address and its way to everything else."""
    return [
        "link set lo up",
        f"addr add {net.node(index)}/24 dev {_NODE_END}",
        f"link set {_NODE_END} up",
        f"route add default via {net.control_plane}",
    ]


def batch(namespace_of: int | None, commands: list[str]) -> None:
    """Run commands of `ip` in the network of a process, or in the host's; the first failure ends it."""
    enter = [] if namespace_of is None else ["nsenter", f"--net=/proc/{namespace_of}/ns/net"]
    run([*enter, "ip", "-batch", "-"], stdin="\n".join(commands) + "\n")


def _has(namespace_of: int, link: str) -> bool:
    try:
        run(["nsenter", f"--net=/proc/{namespace_of}/ns/net", "ip", "link", "show", link])
    except CommandFailed:
        return False
    return True


def _port(index: int) -> str:
    return f"node-{index}"
