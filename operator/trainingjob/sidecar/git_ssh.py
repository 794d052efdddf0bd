"""Talk to git servers over SSH, in this process: the program ssh refuses users without an entry in /etc/passwd."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

import paramiko
from dulwich.client import SSHGitClient, SSHVendor

from trainingjob.sidecar.errors import RefusedError, UnavailableError

KEY: Final = "ssh-privatekey"
HOSTS: Final = "known_hosts"
SHORT: Final = re.compile(r"(?:([\w.+-]+)@)?([\w.-]+):(?!/)(.+)")
"""`git@host:group/repository`, as git takes it too."""
_TIMEOUT: Final = 60.0


def ssh_client(url: str, credentials: Path | None) -> tuple[SSHGitClient, str]:
    """Return a client for a server and the path of the repository there; nothing is connected yet.

    Args:
        url: `ssh://[user@]host[:port]/path` or `[user@]host:path`; the user is git unless it is given.
        credentials: a folder with the files `ssh-privatekey`, without a passphrase, and `known_hosts`.

    Raises:
        RefusedError: for an address or credentials that cannot be right.
    """
    user, host, port, path = _parts(url)
    vendor = _Vendor(f"{host}:{port}", _key(credentials), _client(credentials))
    return _Client(host, port, user or "git", vendor=vendor, thin_packs=False, quiet=True), path


def _parts(url: str) -> tuple[str | None, str, int, str]:
    short = SHORT.fullmatch(url) if "://" not in url else None
    if short is not None:
        return short[1], short[2], 22, short[3]
    parts = urlsplit(url)
    try:
        port = parts.port or 22
    except ValueError:
        port = 0
    if not parts.hostname or not port or parts.password is not None:
        raise RefusedError("The address of the repository is not right: it has to be like ssh://git@host:22/path.")
    return parts.username, parts.hostname, port, unquote(parts.path)


def _key(credentials: Path | None) -> paramiko.PKey:
    if credentials is None or not (credentials / KEY).exists():
        raise RefusedError(f"A repository over SSH needs a Secret with the keys {KEY} and {HOSTS}.")
    try:
        return paramiko.PKey.from_path(credentials / KEY)
    except (paramiko.SSHException, OSError, ValueError, TypeError) as error:
        raise RefusedError(
            f"The {KEY} of the Secret cannot be read, or has a passphrase: {type(error).__name__}."
        ) from None


def _client(credentials: Path | None) -> paramiko.SSHClient:
    """Return a client that knows the servers of the Secret, and no other."""
    if credentials is None or not (credentials / HOSTS).exists():
        raise RefusedError(f"The Secret lacks {HOSTS}, what ssh-keyscan prints: without it nobody knows the server.")
    client = paramiko.SSHClient()
    try:
        client.load_host_keys(str(credentials / HOSTS))
    except (paramiko.SSHException, OSError, ValueError) as error:
        raise RefusedError(f"The {HOSTS} of the Secret cannot be read: {type(error).__name__}.") from None
    return client


class _Client(SSHGitClient):
    """A client that ends its connection however the library leaves it."""

    def close(self) -> None:
        if isinstance(self.ssh_vendor, _Vendor):
            self.ssh_vendor.close()
        super().close()


class _Vendor(SSHVendor):
    def __init__(self, server: str, key: paramiko.PKey, client: paramiko.SSHClient) -> None:
        self._server = server
        self._key = key
        self._client = client

    def close(self) -> None:
        """End the connection, if there is one."""
        self._client.close()

    def run_command(  # type: ignore[override]
        self, host: str, command: bytes, username: str | None = None, port: int | None = None, **_: object
    ) -> "_Connection":
        """Run a git command on a server whose key is known."""
        # The library logs what is raised, too.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        client = self._client
        with _explained(self._server):
            try:
                client.connect(
                    host,
                    port or 22,
                    username,
                    pkey=self._key,
                    allow_agent=False,
                    look_for_keys=False,
                    timeout=_TIMEOUT,
                    banner_timeout=_TIMEOUT,
                    auth_timeout=_TIMEOUT,
                )
                channel = client.get_transport().open_session(timeout=_TIMEOUT)
                channel.settimeout(_TIMEOUT)
                # A server that does not take it speaks the older protocol.
                channel.set_environment_variable("GIT_PROTOCOL", "version=2")
                channel.exec_command(command)
            except BaseException:
                client.close()
                raise
        return _Connection(client, channel)


class _Connection:
    """A git command on a server, as the library wants it."""

    def __init__(self, client: paramiko.SSHClient, channel: Any) -> None:
        self._client = client
        self._channel = channel
        self._out: IO[bytes] = channel.makefile("rb")
        self.stderr: IO[bytes] = channel.makefile_stderr("rb")

    def can_read(self) -> bool:
        """Say whether something has arrived."""
        return bool(self._channel.recv_ready())

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        return self._out.read(size)

    def write(self, data: bytes) -> int:
        """Send bytes."""
        self._channel.sendall(data)
        return len(data)

    def close(self) -> None:
        """End the connection."""
        self._client.close()


@contextmanager
def _explained(server: str) -> Iterator[None]:
    try:
        yield
    except paramiko.BadHostKeyException:
        raise RefusedError(f"The SSH server {server} shows another key than {HOSTS} has for it.") from None
    except paramiko.AuthenticationException:
        raise RefusedError(f"The SSH server {server} does not take the {KEY} of the Secret.") from None
    except paramiko.SSHException as error:
        if "not found in known_hosts" in str(error):
            raise RefusedError(f"The {HOSTS} of the Secret do not have the SSH server {server}.") from None
        raise UnavailableError(f"The SSH server {server} does not answer as it should.") from None
    except (OSError, EOFError) as error:
        raise UnavailableError(f"The SSH server {server} does not answer: {type(error).__name__}.") from None
