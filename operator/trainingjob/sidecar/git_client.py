"""Open a git repository over HTTP or SSH, with the credentials of a mounted Secret."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dulwich.client import GitClient, Urllib3HttpGitClient

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.http_pool import open_pool

_SHORT: Final = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!/).+")
"""`git@host:group/repository`, as git takes it too."""


def open_repository(url: str, credentials: str) -> tuple[GitClient, str]:
    """Return a client and the path to ask it for; nothing is connected yet.

    Args:
        url: `https://…`, `http://…`, `ssh://…` or `git@host:path`.
        credentials: a folder with `username` and `password`, and `ca.crt` for a server's own authority, or with
            `ssh-privatekey` and `known_hosts`; empty for none.

    Raises:
        RefusedError: for an address or credentials that cannot be right.
    """
    folder = Path(credentials) if credentials else None
    if url.startswith("ssh://") or ("://" not in url and _SHORT.fullmatch(url)):
        from trainingjob.sidecar.git_ssh import ssh_client  # noqa: PLC0415 - as large as all the rest

        return ssh_client(url, folder)
    parts = urlsplit(url)
    shown = show_repository(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise RefusedError(
            f"The address {shown!r} is no repository: it has to be like https://host/path or git@host:path."
        )
    if "@" in parts.netloc:
        raise RefusedError(f"The address {shown} names a user: give username and password in a Secret.")
    user, password = (_read(folder, name) for name in ("username", "password"))
    if password is not None and user is None:
        user = "git"  # servers that take tokens do not care
    client = Urllib3HttpGitClient(
        url, pool_manager=open_pool(url, folder), username=user, password=password, thin_packs=False, quiet=True
    )
    return client, ""


def show_repository(url: str) -> str:
    """Return a repository's address as it may be shown: without user, password and query."""
    if "://" not in url:
        return url.rpartition("@")[2]
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _read(folder: Path | None, name: str) -> str | None:
    if folder is None or not (folder / name).exists():
        return None
    try:
        return (folder / name).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The file {name} of the credentials cannot be read: {type(error).__name__}.") from None
