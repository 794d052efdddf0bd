"""New SSH keys for one attempt of an MPI job; they go into its Secret and are kept nowhere else."""

from base64 import b64encode
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from trainingjob.api.constants import SSH_AUTHORIZED_KEYS, SSH_CLIENT_KEY, SSH_HOST_KEY, SSH_KNOWN_HOSTS

ENTRY_OPTIONS: Final = "restrict"
"""What the client's key may not be used for: forwarding of any kind, a terminal, a file of start-up commands. Commands
are all that a launcher needs."""


def make_ssh_keys(known_as: str) -> dict[str, str]:
    """Make a client's and a host's key pair (Ed25519) and return the `data` of the Secret that holds them, in base64.

    Args:
        known_as: the hosts that show the host key, as in the first column of `known_hosts`.
    """
    client, host = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    items = {
        SSH_CLIENT_KEY: _private(client),
        SSH_AUTHORIZED_KEYS: f"{ENTRY_OPTIONS} {_public(client)}\n",
        SSH_HOST_KEY: _private(host),
        SSH_KNOWN_HOSTS: f"{known_as} {_public(host)}\n",
    }
    return {name: b64encode(text.encode()).decode() for name, text in items.items()}


def _private(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
