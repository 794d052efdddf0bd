"""The real Kueue as a process of this machine, asked by the API server about the pods of one namespace."""

import base64
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster import Cluster
from devtools.cluster.certificates import Authority
from devtools.third_party import KUEUE, KUEUE_DEFINITIONS, KUEUE_WEBHOOKS, bring_file, build_program
from tests.support.schedulers import GPU
from tests.support.user import Object, RefusedError, User, wait_until

QUEUE = "team-a"
_VERSION = "v1beta2"
_STOP_SECONDS = 30


@contextmanager
def kueue(cluster: Cluster, user: User, folder: Path, gpus: int) -> Iterator[None]:
    """Run Kueue with one queue in the user's namespace, which has so many GPUs to give away.

    Raises:
        AssertionError: when it has ended before the block has.
    """
    for definition in KUEUE_DEFINITIONS:
        user.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_newest(definition))
        user.kubectl("wait", "--for=condition=Established", f"crd/{Path(definition).stem.split('_')[1]}.kueue.x-k8s.io")
    authority = Authority(folder / "certificates")
    authority.create()
    port = _free_port()
    log = folder / "kueue.log"
    program = build_program(KUEUE, "cmd/kueue", expected=600)
    words: list[str | Path] = [program, f"--config={_configure(folder, authority, port)}", "--zap-log-level=3"]
    with log.open("ab") as stream:
        environment = {"KUBECONFIG": str(cluster.kubeconfig), "PATH": ""}
        process = subprocess.Popen(words, stdout=stream, stderr=stream, env=environment, start_new_session=True)
    try:
        hooks = _hooks(authority, port, user.namespace)
        user.apply(*hooks)
        wait_until(lambda: _offer(user, gpus), bool, 60)
        yield
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    finally:
        for kind in ("mutating", "validating"):
            user.kubectl("delete", f"{kind}webhookconfiguration", f"kueue-{user.namespace}", "--ignore-not-found")
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


def _newest(definition: str) -> str:
    """Return a definition in which only the newest version is served: Kueue's own would need to convert the others."""
    found: Object = yaml.safe_load(bring_file(KUEUE, definition).read_text())
    for version in found["spec"]["versions"]:
        version["served"] = version["storage"] = version["name"] == _VERSION
    return json.dumps(found)


def _configure(folder: Path, authority: Authority, port: int) -> Path:
    pair = authority.issue("server", "kueue", addresses=["IP:127.0.0.1"])
    served = folder / "served"
    served.mkdir(exist_ok=True)
    (served / "tls.crt").write_bytes(pair.certificate.read_bytes())
    (served / "tls.key").write_bytes(pair.key.read_bytes())
    config = {
        "apiVersion": f"config.kueue.x-k8s.io/{_VERSION}",
        "kind": "Configuration",
        "namespace": "default",
        "health": {"healthProbeBindAddress": "127.0.0.1:0"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(served)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "integrations": {"frameworks": ["pod"]},
    }
    path = folder / "kueue.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _hooks(authority: Authority, port: int, namespace: str) -> list[Object]:
    """Return Kueue's own webhooks for its objects everywhere and for the pods of one namespace."""
    bundle = base64.b64encode(authority.pair.certificate.read_bytes()).decode()
    configurations: list[Object] = list(yaml.safe_load_all(bring_file(KUEUE, KUEUE_WEBHOOKS).read_text()))
    for configuration in configurations:
        configuration["metadata"]["name"] = f"kueue-{namespace}"
        chosen = [hook for hook in configuration["webhooks"] if hook["rules"][0]["apiGroups"][0] in _GROUPS]
        for hook in chosen:
            path = hook["clientConfig"]["service"]["path"]
            hook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": bundle}
            if hook["rules"][0]["resources"] == ["pods"]:
                hook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        configuration["webhooks"] = chosen
    return configurations


_GROUPS = ("", "kueue.x-k8s.io")


def _offer(user: User, gpus: int) -> bool:
    """Make a queue, and say whether Kueue was there to be asked about it."""
    cluster_queue = f"queue-{user.namespace}"
    quota = {"name": GPU, "nominalQuota": gpus}
    group = {"coveredResources": [GPU], "flavors": [{"name": "any", "resources": [quota]}]}
    objects: list[tuple[str, str, dict[str, Any]]] = [
        ("ResourceFlavor", "any", {}),
        ("ClusterQueue", cluster_queue, {"namespaceSelector": {}, "resourceGroups": [group]}),
        ("LocalQueue", QUEUE, {"clusterQueue": cluster_queue}),
    ]
    try:
        user.apply(
            *(
                {"apiVersion": f"kueue.x-k8s.io/{_VERSION}", "kind": kind, "metadata": {"name": name}, "spec": spec}
                for kind, name, spec in objects
            )
        )
    except RefusedError as error:
        if "failed calling webhook" in str(error):
            return False
        raise
    return True
