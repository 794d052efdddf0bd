"""The real Kueue as a process of this machine, asked by the API server about pods and its own objects."""

import base64
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster import Cluster
from devtools.third_party import KUEUE, KUEUE_DEFINITIONS, KUEUE_WEBHOOKS, bring_file, build_program
from tests.support.gangs import wait_until_served
from tests.support.schedulers import GPU
from tests.support.user import Object, RefusedError, User, wait_until

QUEUE = "team-a"
_API = "kueue.x-k8s.io/v1beta2"
_SERVICE = "kueue-webhook-service"
_SECRET = "kueue-webhook-server-cert"
_CONVERTED = ("clusterqueues", "cohorts", "localqueues", "multikueueclusters", "workloads")
"""What Kueue looks for webhooks in when it hands out its certificate."""
_GROUPS = ("", "kueue.x-k8s.io")
_STOP_SECONDS = 30


@contextmanager
def kueue(cluster: Cluster, person: User, folder: Path) -> Iterator[None]:
    """Run Kueue, whose own namespace is the person's; what it has defined is gone afterwards.

    Raises:
        AssertionError: when it has ended before the block has.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    log, certificates = folder / "kueue.log", folder / "certificates"
    certificates.mkdir()
    program = build_program(KUEUE, "cmd/kueue", expected=600)
    definitions = _definitions(person.namespace, port)
    try:
        _prepare(person, definitions, port)
        config = _configure(folder, person.namespace, port)
        words: list[str | Path] = [program, f"--config={config}", "--feature-gates=VisibilityOnDemand=false"]
        with log.open("ab") as stream:
            environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
            process = subprocess.Popen(words, stdout=stream, stderr=stream, env=environment, start_new_session=True)
        try:
            _mount(person, certificates)
            flavor = _object("ResourceFlavor", "any", {})
            wait_until(lambda: process.poll() is not None or _taken(person, flavor), bool, 120)
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            yield
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_SECONDS)
    finally:
        _clear(person, [found["metadata"]["name"] for found in definitions])


def offer(user: User, gpus: int) -> None:
    """Give the user's namespace a queue with so many GPUs."""
    quota = {"name": GPU, "nominalQuota": gpus}
    group = {"coveredResources": [GPU], "flavors": [{"name": "any", "resources": [quota]}]}
    queues = (
        _object("ClusterQueue", f"queue-{user.namespace}", {"namespaceSelector": {}, "resourceGroups": [group]}),
        _object("LocalQueue", QUEUE, {"clusterQueue": f"queue-{user.namespace}"}),
    )
    wait_until(lambda: _taken(user, *queues), bool, 60)


def _object(kind: str, name: str, spec: dict[str, Any]) -> Object:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _taken(person: User, *objects: Object) -> bool:
    """Apply objects of Kueue's kinds, and say whether Kueue was there to be asked about them."""
    try:
        person.apply(*objects)
    except RefusedError as error:
        # Of a definition that has just changed the server may still ask at the address of before.
        if "failed calling webhook" in str(error) or "conversion webhook" in str(error):
            return False
        raise
    return True


def _definitions(namespace: str, port: int) -> list[Object]:
    found: list[Object] = [yaml.safe_load(bring_file(KUEUE, name).read_text()) for name in KUEUE_DEFINITIONS]
    for definition in found:
        if definition["spec"]["names"]["plural"] in _CONVERTED:
            asked = {"clientConfig": _asked(namespace, port, "/convert"), "conversionReviewVersions": ["v1"]}
            definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": asked}
    return found


def _asked(namespace: str, port: int, path: str) -> Object:
    return {"service": {"namespace": namespace, "name": _SERVICE, "path": path, "port": port}}


def _prepare(person: User, definitions: list[Object], port: int) -> None:
    """Define what Kueue defines, and lead what is asked of its Service to this machine."""
    everything = yaml.safe_dump_all(definitions)
    person.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=everything)
    wait_until_served(person, *(found["metadata"]["name"] for found in definitions))
    spec = {"type": "ExternalName", "externalName": "localhost"}
    person.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": _SERVICE}, "spec": spec})
    person.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _SECRET}})
    hooks: list[Object] = list(yaml.safe_load_all(bring_file(KUEUE, KUEUE_WEBHOOKS).read_text()))
    for configuration in hooks:
        configuration["metadata"]["name"] = f"kueue-{configuration['metadata']['name']}"
        kept = [hook for hook in configuration["webhooks"] if hook["rules"][0]["apiGroups"][0] in _GROUPS]
        for hook in kept:
            hook["clientConfig"] = _asked(person.namespace, port, hook["clientConfig"]["service"]["path"])
        configuration["webhooks"] = kept
    person.apply(*hooks)


def _configure(folder: Path, namespace: str, port: int) -> Path:
    elsewhere = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", namespace]}
    config = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": namespace,
        "health": {"healthProbeBindAddress": "127.0.0.1:0"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(folder / "certificates")},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": True, "webhookServiceName": _SERVICE, "webhookSecretName": _SECRET},
        "integrations": {"frameworks": ["pod"]},
        "managedJobsNamespaceSelector": {"matchExpressions": [elsewhere]},
    }
    path = folder / "kueue.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _mount(person: User, folder: Path) -> None:
    """Do what a kubelet does with Kueue's Secret, once Kueue has filled it."""

    def data() -> dict[str, str]:
        return dict(json.loads(person.kubectl("get", "secret", _SECRET, "-o", "json")).get("data") or {})

    for name, value in wait_until(data, lambda found: "tls.crt" in found, 60).items():
        (folder / name).write_bytes(base64.b64decode(value))


def _clear(person: User, definitions: list[str]) -> None:
    """Take all of it away again; what Kueue holds with finalizers has nobody left to let it go."""
    for kind in ("mutating", "validating"):
        name = f"kueue-{kind}-webhook-configuration"
        person.kubectl("delete", f"{kind}webhookconfiguration", name, "--ignore-not-found")
    alone = json.dumps({"spec": {"conversion": {"strategy": "None", "webhook": None}}})
    free = json.dumps({"metadata": {"finalizers": None}})
    for definition in definitions:
        person.kubectl("patch", "crd", definition, "--type=merge", "-p", alone)
        for item in json.loads(person.kubectl("get", definition, "-A", "-o", "json"))["items"]:
            place = ("-n", item["metadata"]["namespace"]) if "namespace" in item["metadata"] else ()
            try:
                person.kubectl("patch", definition, item["metadata"]["name"], *place, "--type=merge", "-p", free)
            except RefusedError as error:
                # Its pods are gone meanwhile, and it with them.
                if "NotFound" not in str(error):
                    raise
    person.kubectl("delete", "crd", *definitions, "--wait=false")
