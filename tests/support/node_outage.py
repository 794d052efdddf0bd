"""A node of a real cluster that falls silent, or loses its power, and comes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from devtools.cluster import Cluster
from tests.support.user import User, wait_until

LOSS_SECONDS: Final = 240
"""Forty for the cluster to miss the kubelet, twenty of tolerance, the pod's grace, thirty of patience, the back-off."""


def silence_kubelet(cluster: Cluster, node: str) -> str:
    """End a node's kubelet alone: its programs run on."""
    kubelet = node.replace("node", "kubelet")
    cluster.kill(kubelet)
    return kubelet


def cut_power(cluster: Cluster, node: str) -> str:
    """End a node with all that runs on it."""
    cluster.kill(node)
    return node


@contextmanager
def outage(cluster: Cluster, user: User, node: str, end: Callable[[Cluster, str], str]) -> Iterator[Callable[[], None]]:
    """End a node or its kubelet; what is yielded, or the end of the block, brings it back."""
    component = end(cluster, node)
    away = [component]

    def bring_back() -> None:
        while away:
            cluster.start(away.pop())
        wait_until(lambda: user.kubectl("get", "nodes", "--no-headers"), lambda text: text.count(" Ready ") == 2, 120)

    try:
        yield bring_back
    finally:
        bring_back()
