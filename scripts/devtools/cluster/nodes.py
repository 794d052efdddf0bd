"""Nodes as the API server describes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devtools.cluster.settings import GPU


@dataclass(frozen=True)
class Node:
    """One node of a cluster.

    Attributes:
        gpus: how many pods can have there, as the API server writes it.
    """

    name: str
    ready: bool
    gpus: str
    address: str


def read_nodes(listed: Mapping[str, Any]) -> list[Node]:
    """Return the nodes of a list as the API server gives it."""
    return [_read(item) for item in listed["items"]]


def _read(item: Mapping[str, Any]) -> Node:
    status = item.get("status", {})
    conditions = {found["type"]: found["status"] for found in status.get("conditions", [])}
    addresses = {found["type"]: found["address"] for found in status.get("addresses", [])}
    return Node(
        name=item["metadata"]["name"],
        ready=conditions.get("Ready") == "True",
        gpus=status.get("allocatable", {}).get(GPU, "0"),
        address=addresses.get("InternalIP", ""),
    )
