"""The command `scripts/cluster`."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from devtools.cluster import Cluster, ClusterError, down, up
from devtools.cluster.building import ensure
from devtools.cluster.state import every
from devtools.cluster.toolsets import DEFAULT_KUBERNETES, by_name, kubernetes_versions
from devtools.progress import Progress, StepFailed
from devtools.shell import CommandFailed

_FAILURES = (ClusterError, CommandFailed, StepFailed)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    root = argparse.ArgumentParser(prog="scripts/cluster", description="Real Kubernetes clusters on this machine.")
    verbs = root.add_subparsers(dest="verb", required=True)
    name = argparse.ArgumentParser(add_help=False)
    name.add_argument("--name", default="default", help="which cluster; any number live side by side")

    found = verbs.add_parser("up", parents=[name], help="make a cluster, or mend the one of this name")
    found.add_argument("--nodes", type=int, help="0 for a control plane alone (default: 1)")
    versions = ", ".join(kubernetes_versions())
    found.add_argument("--kubernetes", help=f"version; can be built: {versions} (default: {DEFAULT_KUBERNETES})")
    found.add_argument("--kubeconfig", type=Path, help="use the cluster of this file ($TRAININGJOB_KUBECONFIG)")
    found.add_argument("--own", action="store_true", help="build and run one here, even where kind works")

    found = verbs.add_parser("down", parents=[name], help="remove a cluster and all that was made for it")
    found.add_argument("--all", action="store_true", help="remove every cluster")

    verbs.add_parser("status", parents=[name], help="show processes and nodes; ends with 0 only when all are well")
    verbs.add_parser("env", parents=[name], help='print variables for kubectl and helm: eval "$(scripts/cluster env)"')
    verbs.add_parser("list", help="name the clusters")

    found = verbs.add_parser("load", parents=[name], help="give every node the images of archives (docker save)")
    found.add_argument("archives", nargs="+", type=Path, metavar="IMAGE.tar")

    found = verbs.add_parser("process", parents=[name], help="end or start one part, as an outage does")
    found.add_argument("action", choices=["stop", "start", "kill"])
    found.add_argument("component", help="etcd, kube-apiserver, kubelet-1, node-2 (all of it), … as status names them")

    found = verbs.add_parser("tools", help="build sets of programs and print their folders")
    found.add_argument("sets", nargs="+", metavar="SET", help="kubectl, helm, kubernetes-1.30, …")
    return root


def main() -> int:
    """Run the command and return its exit status."""
    arguments = parser().parse_args()
    try:
        return _run(arguments)
    except _FAILURES as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here; `scripts/cluster down` removes all.", file=sys.stderr)
        return 130


def _run(arguments: argparse.Namespace) -> int:
    match arguments.verb:
        case "up":
            _up(arguments)
        case "down":
            for name in [state.name for state in every()] if arguments.all else [arguments.name]:
                down(name)
        case "list":
            for state in every():
                print(state.name)
        case "tools":
            for folder in ensure([by_name(name) for name in arguments.sets], Progress("tools")).values():
                print(folder)
        case _:
            return _on_cluster(Cluster.load(arguments.name), arguments)
    return 0


def _up(arguments: argparse.Namespace) -> None:
    given = arguments.kubeconfig or os.environ.get("TRAININGJOB_KUBECONFIG")
    up(
        arguments.name,
        arguments.nodes,
        kubernetes=arguments.kubernetes,
        kubeconfig=Path(given) if given else None,
        own=arguments.own,
    )


def _on_cluster(cluster: Cluster, arguments: argparse.Namespace) -> int:
    match arguments.verb:
        case "status":
            return _status(cluster)
        case "env":
            _print_environment(cluster)
        case "load":
            with Progress("cluster").step(f"load {len(arguments.archives)} image archive(s)", 15):
                cluster.load_images(arguments.archives)
        case "process":
            {"stop": cluster.stop, "start": cluster.start, "kill": cluster.kill}[arguments.action](arguments.component)
    return 0


def _status(cluster: Cluster) -> int:
    print(f"{cluster.name}: {cluster.provider}, Kubernetes {cluster.kubernetes or 'as given'}, {cluster.directory}")
    conditions = cluster.status()
    for found in conditions:
        print(f"  {found.component:26} {found.pid or '-':>8}  {found.problem or 'well':10}  {found.health}")
    well = bool(conditions) and not any(found.problem for found in conditions)
    try:
        nodes = cluster.nodes()
    except ClusterError as error:
        print(f"  {error}")
        return 1
    for node in nodes:
        print(f"  {node.name:26} {node.address:>15}  {'Ready' if node.ready else 'NotReady'}  {node.gpus} GPUs")
    return 0 if well and len(nodes) >= cluster.node_count and all(node.ready for node in nodes) else 1


def _print_environment(cluster: Cluster) -> None:
    found = cluster.environment()
    folders = found.pop("PATH").removesuffix(os.environ.get("PATH", "")).rstrip(":")
    for key, value in found.items():
        print(f"export {key}={shlex.quote(value)}")
    if folders:
        print(f'export PATH={shlex.quote(folders)}:"$PATH"')


if __name__ == "__main__":
    sys.exit(main())
