"""The CSI driver of the tests on a node of a real cluster."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.cluster import Cluster, processes
from devtools.deploy import NAMESPACE
from tests.support import csi_driver
from tests.support.user import User, wait_until
from tests.support.wheels import packages_here

NAME = "folders.csi.trainingjob.dev"


@dataclass(frozen=True)
class Driven:
    """A node whose pods can have volumes of the driver."""

    node: str
    password: str
    """What the Secret for the driver has to hold, under the key `password`."""

    def volume(self, bucket: str, secret: str) -> dict[str, Any]:
        """Return the volume that shows a folder, as a job asks for it."""
        attributes = {"bucket": bucket}
        return {"driver": NAME, "volumeAttributes": attributes, "nodePublishSecretRef": {"name": secret}}


@contextmanager
def driving(cluster: Cluster, user: User, folder: Path) -> Iterator[Driven]:
    """Run the driver for the duration of a block; every pod with a volume of it has to be gone then.

    Args:
        folder: in it each bucket is a folder.
    """
    # Where the operator runs: no test takes that node away.
    node = user.kubectl("get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[0].spec.nodeName}")
    machine = processes.read(cluster.directory / "pids" / f"{node}.json")
    assert machine is not None, f"{node} does not run"
    password = secrets.token_hex(16)
    mode = {"volumeLifecycleModes": ["Ephemeral"], "attachRequired": False}
    user.apply({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": NAME}, "spec": mode})
    process = processes.start(
        [sys.executable, csi_driver.__file__, NAME, node, str(folder), password],
        directory=cluster.directory,
        log=cluster.directory / "csi-driver.log",
        env={"PYTHONPATH": str(packages_here(["grpcio>=1.70,<2"]))},
        enter=machine.pid,
    )
    try:
        wait_until(lambda: _drivers(user, node), lambda names: NAME in names, 60)
        yield Driven(node, password)
    finally:
        processes.end([process], 5)
        user.kubectl("delete", "csidriver", NAME)


def _drivers(user: User, node: str) -> list[str]:
    """Return the drivers that the node's kubelet knows."""
    text = user.kubectl("get", "csinode", node, "-o", "jsonpath={.spec.drivers[*].name}")
    return text.split()
