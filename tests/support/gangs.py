"""The definitions of other projects in a test's cluster, and Kueue's part played by hand."""

import json
from functools import partial
from pathlib import Path

import yaml

from devtools.third_party import Module, bring_file
from tests.support.user import Object, User, wait_until

KUEUE_FINALIZER = "kueue.x-k8s.io/managed"


def install(user: User, definition: tuple[Module, str]) -> None:
    """Apply the definition of another project and wait until it is served."""
    path = bring_file(*definition)
    user.kubectl("apply", "--server-side", "-f", str(path))
    wait_until_served(user, _name(path))


def wait_until_served(user: User, *definitions: str) -> None:
    """Wait until the API server serves what these definitions define."""

    def served(name: str) -> bool:
        # `kubectl wait` fails on a definition so new that it has no conditions at all.
        conditions = (
            json.loads(user.kubectl("get", "crd", name, "-o", "json")).get("status", {}).get("conditions") or []
        )
        return any((found["type"], found["status"]) == ("Established", "True") for found in conditions)

    for definition in definitions:
        wait_until(partial(served, definition), bool, 60)


def uninstall(user: User, definition: tuple[Module, str]) -> None:
    """Take a definition away, with all objects of its kind."""
    user.kubectl("delete", "crd", _name(bring_file(*definition)), "--ignore-not-found", "--timeout=60s")


def _name(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["metadata"]["name"])


def resource_of(definition: tuple[Module, str]) -> str:
    """Return the full name of a definition's resource, as kubectl takes it."""
    return _name(bring_file(*definition))


def pod_groups(user: User, definition: tuple[Module, str]) -> dict[str, Object]:
    """Return the PodGroups of the user's namespace by name."""
    items = json.loads(user.kubectl("get", resource_of(definition), "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in items}


def admit(user: User, job: str) -> None:
    """Do what Kueue does when it admits a group: mark the pods as held, and open their gates."""
    for name, pod in user.pods(job).items():
        marked = [*pod["metadata"].get("finalizers", []), KUEUE_FINALIZER]
        user.kubectl("patch", "pod", name, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": marked}}))
        patch = [{"op": "remove", "path": "/spec/schedulingGates"}]
        user.kubectl("patch", "pod", name, "--type=json", "-p", json.dumps(patch))


def let_go(user: User, job: str, pods: set[str]) -> None:
    """Do what Kueue does when all pods of a group have ended: give their names free."""

    def ended() -> bool:
        found = user.pods(job)
        return pods <= found.keys() and all(found[name]["status"]["phase"] in ("Succeeded", "Failed") for name in pods)

    wait_until(ended, bool, 60)
    for name in pods:
        user.kubectl("patch", "pod", name, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}))
