"""The real operator with exactly the rights that the chart gives it, as a process of this machine."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster import Cluster
from devtools.shell import run
from tests.support.helm import Manifest, only
from tests.support.operator_process import OperatorProcess


def apply(cluster: Cluster, manifests: Sequence[Mapping[str, Any]], *flags: str) -> str:
    """Apply objects of any namespaces as an administrator and return what kubectl says of them."""
    everything = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    return run(["kubectl", "apply", "--filename=-", *flags], stdin=json.dumps(everything), env=cluster.environment())


@contextmanager
def operator_of(rendered: list[Manifest], cluster: Cluster, folder: Path) -> Iterator[None]:
    """Apply everything of a rendered chart but the Deployment, and run its container's arguments as its account.

    The process ends with the block, by SIGTERM, and must then have exit status 0.

    Raises:
        AssertionError: when the operator ends badly; the message holds the end of its log.
    """
    apply(cluster, [manifest for manifest in rendered if manifest["kind"] != "Deployment"])
    deployment = only(rendered, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    config = _kubeconfig(cluster, deployment["metadata"]["namespace"], pod["serviceAccountName"], folder)
    process = OperatorProcess(config, folder / "operator.log", _arguments(rendered, pod, folder))
    try:
        process.wait_until_ready()
        yield
    except BaseException:
        print(f"--- the end of the operator's log ({process.log}):\n{process.tail()}", file=sys.stderr)
        raise
    finally:
        status = process.stop() if process.exit_code is None else process.exit_code
    assert status == 0, process.tail()


def _arguments(rendered: list[Manifest], pod: Manifest, folder: Path) -> list[str]:
    """Return the container's arguments; the files of mounted ConfigMaps lie in a folder of this machine."""
    container = pod["containers"][0]
    data = {found["metadata"]["name"]: found["data"] for found in rendered if found["kind"] == "ConfigMap"}
    mounted = {v["name"]: data[v["configMap"]["name"]] for v in pod.get("volumes") or () if "configMap" in v}
    arguments = list(container["args"])
    for mount in container.get("volumeMounts") or ():
        for name, text in mounted.get(mount["name"], {}).items():
            (folder / name).write_text(text)
            arguments = [word.replace(f"{mount['mountPath']}/{name}", str(folder / name)) for word in arguments]
    return arguments


def _kubeconfig(cluster: Cluster, namespace: str, account: str, folder: Path) -> Path:
    words = ["kubectl", "create", "token", account, f"--namespace={namespace}"]
    token = run(words, env=cluster.environment()).strip()
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": found["name"], "user": {"token": token}} for found in config["users"]]
    path = folder / "operator.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path
