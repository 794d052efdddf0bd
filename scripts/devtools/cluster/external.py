"""Clusters that somebody else runs: kind, where Docker works, or whatever a kubeconfig points at."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.cluster.health import Condition, wait_for
from devtools.cluster.nodes import Node, read_nodes
from devtools.cluster.settings import GPU, GPUS_PER_NODE
from devtools.cluster.state import State
from devtools.shell import CommandFailed, run

_CREATION_SECONDS = 900.0


def kind_works() -> bool:
    """Return whether `kind` is on PATH and a Docker daemon answers."""
    if shutil.which("kind") is None or shutil.which("docker") is None:
        return False
    try:
        run(["docker", "info"], timeout=10)
    except CommandFailed:
        return False
    return True


def kind_settings(nodes: int) -> str:
    """Return kind's settings for a cluster with this many nodes that take pods."""
    # A control plane alone takes pods; beside workers it does not.
    workers = nodes if nodes > 1 else 0
    roles = ["control-plane", *["worker"] * workers]
    lines = ["kind: Cluster", "apiVersion: kind.x-k8s.io/v1alpha4", "nodes:", *(f"- role: {role}" for role in roles)]
    return "\n".join(lines) + "\n"


def kind_name(state: State) -> str:
    """Return what kind calls the cluster; another cache folder may have a cluster of the same name."""
    return f"{state.name}-{state.key}"


def create_kind(state: State, image: str) -> None:
    """Make the cluster with kind, unless it is there.

    Args:
        image: of the nodes; empty for the one that kind prefers.
    """
    log = state.log("kind")
    if kind_name(state) not in run(["kind", "get", "clusters"]).split():
        settings = state.directory / "kind.yaml"
        settings.write_text(kind_settings(state.nodes))
        words: list[str | Path] = [
            "kind",
            "create",
            "cluster",
            "--name",
            kind_name(state),
            "--config",
            settings,
            "--wait",
            "300s",
        ]
        words += ["--kubeconfig", state.kubeconfig, *(["--image", image] if image else [])]
        run(words, log=log, timeout=_CREATION_SECONDS)
    run(["kind", "export", "kubeconfig", "--name", kind_name(state), "--kubeconfig", state.kubeconfig], log=log)
    wait_for("the nodes of kind are ready", lambda: all(node.ready for node in nodes(state)), 300)
    offer = json.dumps({"status": {"capacity": {GPU: GPUS_PER_NODE}}})
    for node in nodes(state):
        _kubectl(state, "patch", "node", node.name, "--subresource=status", "--type=merge", f"--patch={offer}")


def delete_kind(state: State) -> None:
    """Remove the cluster that kind made."""
    run(["kind", "delete", "cluster", "--name", kind_name(state), "--kubeconfig", state.kubeconfig])


def load_into_kind(state: State, archives: Sequence[Path]) -> None:
    """Give every node of kind the images of archives."""
    for archive in archives:
        run(["kind", "load", "image-archive", archive, "--name", kind_name(state)], log=state.log("kind"), timeout=600)


def condition(state: State) -> Condition:
    """Return how the API server is."""
    try:
        _kubectl(state, "get", "--raw", "/readyz")
    except CommandFailed as error:
        return Condition("kube-apiserver", None, str(error), "/readyz")
    return Condition("kube-apiserver", None, "", "/readyz")


def nodes(state: State) -> list[Node]:
    """Return the nodes.

    Raises:
        ClusterError: when the API server cannot be reached.
    """
    try:
        return read_nodes(json.loads(_kubectl(state, "get", "nodes", "--output=json")))
    except CommandFailed as error:
        raise ClusterError(f"The API server of cluster '{state.name}' gives no nodes: {error}") from error


def _kubectl(state: State, *words: str) -> str:
    program = state.program("kubectl", "kubectl") if "kubectl" in state.tools else "kubectl"
    return run([program, f"--kubeconfig={state.kubeconfig}", "--request-timeout=10s", *words])
