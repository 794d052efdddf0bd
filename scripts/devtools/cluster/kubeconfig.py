"""Kubeconfig files: who speaks to which API server with which certificate."""

import base64
from pathlib import Path

from devtools.cluster.certificates import Pair


def kubeconfig_text(cluster: str, server: str, authority: Path, user: str, pair: Pair) -> str:
    """Return a kubeconfig with everything inside, so that the file can be copied anywhere."""
    return f"""apiVersion: v1
kind: Config
clusters:
- name: {cluster}
  cluster:
    server: {server}
    certificate-authority-data: {_encoded(authority)}
users:
- name: "{user}"
  user:
    client-certificate-data: {_encoded(pair.certificate)}
    client-key-data: {_encoded(pair.key)}
contexts:
- name: {cluster}
  context:
    cluster: {cluster}
    user: "{user}"
    namespace: default
current-context: {cluster}
"""


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all or nothing."""
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
