"""Which addresses and ports a cluster gets: chosen once, beside other clusters and the host's own networks."""

import ipaddress
import random
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devtools.cluster.errors import ClusterError

MAX_NODES = 100

# Private networks that few sites use, most unlikely ones first.
_CANDIDATES = [
    *(f"10.{second}" for second in range(200, 255)),
    *(f"172.{second}" for second in range(20, 32)),
    *(f"100.{second}" for second in range(80, 128)),
]
# Below the range from which the kernel takes ports for outgoing connections: those could be gone after a restart.
_PORTS = range(20000, 32000)


class NoAddressLeftError(ClusterError):
    """Every candidate is in use on this machine."""


@dataclass(frozen=True)
class Network:
    """The addresses of one cluster with nodes: one /16, of which `prefix` is the first half.

    Attributes:
        prefix: for example `10.200`.
        link: the host's end of the only connection between the host and the cluster.
    """

    prefix: str
    link: str

    @property
    def subnet(self) -> str:
        """Return everything that belongs to the cluster."""
        return f"{self.prefix}.0.0/16"

    @property
    def service_subnet(self) -> str:
        """Return the addresses of Services."""
        return f"{self.prefix}.240.0/20"

    @property
    def control_plane(self) -> str:
        """Return the address of the API server, of DNS, and the nodes' default route."""
        return f"{self.prefix}.0.1"

    @property
    def host(self) -> str:
        """Return the address under which pods reach programs of the host."""
        return f"{self.prefix}.0.254"

    def node(self, index: int) -> str:
        """Return the address of a node; the first has index 1."""
        return f"{self.prefix}.0.{10 + index}"

    def pods(self, index: int) -> str:
        """Return the addresses of a node's pods."""
        return f"{self.prefix}.{index}.0/24"


def choose_prefix(in_use: Iterable[str]) -> str:
    """Return the first candidate whose /16 overlaps nothing that the machine routes already.

    Args:
        in_use: networks and addresses like `192.168.1.0/24`; a default route is not one of them.

    Raises:
        NoAddressLeftError: when all are taken.
    """
    taken = list(in_use)
    for prefix in _CANDIDATES:
        if is_free(prefix, taken):
            return prefix
    raise NoAddressLeftError(
        "Every private network that a cluster could use (10.200 to 10.254, 172.20 to 172.31, 100.80 to 100.127, "
        "each a /16) is routed on this machine already: take clusters down (scripts/cluster down --all) or end a VPN."
    )


def is_free(prefix: str, in_use: Iterable[str]) -> bool:
    """Return whether the /16 of a prefix overlaps none of the networks."""
    candidate = ipaddress.ip_network(f"{prefix}.0.0/16")
    return not any(candidate.overlaps(ipaddress.ip_network(text, strict=False)) for text in in_use)


def routed(routes: Sequence[dict[str, object]]) -> list[str]:
    """Return the IPv4 networks of what `ip -json route show table all` says, without the default route."""
    found = (str(route.get("dst", "default")) for route in routes)
    return [network for network in found if network != "default" and ":" not in network]


def choose_ports(names: Sequence[str], taken: Iterable[int]) -> dict[str, int]:
    """Return a free port of the loopback address for each name.

    Args:
        taken: ports that other clusters have chosen, whether they run or not.

    Raises:
        NoAddressLeftError: when there are too few.
    """
    avoided = set(taken)
    free = (port for port in random.sample(_PORTS, len(_PORTS)) if port not in avoided and _is_free(port))
    ports = dict(zip(names, free, strict=False))
    if len(ports) < len(names):
        raise NoAddressLeftError(f"Too few of the ports {_PORTS.start} to {_PORTS.stop - 1} are free on this machine.")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
