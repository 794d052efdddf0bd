"""Open the store that a URI names, with the credentials of a mounted Secret or else the pod's own identity."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from obstore.store import AzureStore, GCSStore, HTTPStore, LocalStore, ObjectStore, S3Store

from trainingjob.sidecar.azure_names import in_the_librarys_words
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.store_errors import store_errors

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

SCHEMES: Final = ("s3", "gs", "az", "https", "http", "file")
_PREFIXES: Final = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}
"""Scheme → how the variables of the store's own tools begin; a Secret may hold those of several stores."""
_ENDPOINTS: Final = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "GOOGLE_BASE_URL",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_SERVER: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_HOSTS: Final = {
    **dict.fromkeys(("s3", "gs", "az"), _BUCKET),
    **dict.fromkeys(("http", "https"), _SERVER),
    "file": re.compile(""),
}
_ENDPOINT: Final = re.compile(rf"https?://{_SERVER.pattern}(/[!-~]*)?")
_FILES: Final = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")
"""Variables that name a file: as a key of a Secret they hold what stands in it."""
_CA_BUNDLES: Final = ("ca.crt", "AWS_CA_BUNDLE")
_CONNECT: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class _Secret:
    folder: str
    given: Mapping[str, str]


@dataclass(frozen=True)
class Location:
    """A place in a store: an object, or the folder above others."""

    uri: str
    """As it may be shown: without user, password and query."""
    store: ObjectStore
    """The bucket or container, the HTTP server, or the file system from its root."""
    key: str
    """The path within the store, without a `/` at either end; empty for all of it."""
    folder: bool
    """Whether the URI ends in `/`, so that a folder is meant."""

    def at(self, path: str) -> str:
        """Return the key of what stands at a path relative to this place."""
        return f"{self.key}/{path}" if self.key else path


def open_location(
    uri: str, credentials: str = "", *, retry_seconds: float = 60, request_seconds: float = 300
) -> Location:
    """Open the store of a URI; nothing is asked of the server yet.

    Args:
        uri: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`, `https://…`, `http://…` or `file:///path`.
        credentials: a folder whose files are named as the environment variables of the store's own tools
            (`AWS_ACCESS_KEY_ID`, …), for HTTP `authorization`, or `username` and `password`; `ca.crt` holds further
            certificates to trust. When it is empty the environment and the pod's identity count.
        retry_seconds: how long a failed request is made again, with growing pauses.
        request_seconds: how long a request may take with its body, so that a slow line is no error.

    Raises:
        RefusedError: for a URI or credentials that cannot be right.
        UnavailableError: does not come from here, but from what is asked of the store within `store_errors`.
    """
    parts, shown = _checked(uri)
    given = in_the_librarys_words(_read_folder(credentials))
    _check_endpoint(given)
    retry: RetryConfig = {
        "max_retries": 100,
        "retry_timeout": timedelta(seconds=retry_seconds),
        "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=10), "base": 2},
    }
    try:
        with store_errors(f"open {shown}"):
            client = _client(given, timedelta(seconds=request_seconds))
            store = _open(uri, _Secret(credentials, given), client, retry)
    except (ValueError, UnavailableError):
        # No server was asked yet. The library's text may quote a value of the Secret.
        raise RefusedError(f"The credentials for {shown} are not right: one of them cannot be read.") from None
    # Only HTTP addresses are written with escapes; a key or a file's path may have a per cent sign of its own.
    path = unquote(parts.path) if parts.scheme in ("http", "https") else _raw_path(uri)
    return Location(shown, store, path.strip("/"), path.endswith("/"))


def _checked(uri: str) -> tuple[SplitResult, str]:
    """Return the parts of a URI, and the URI as it may be shown."""
    parts = urlsplit(uri)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.scheme not in SCHEMES:
        raise RefusedError(f"{shown!r} is no address of a store: it has to begin with one of {_listed()}.")
    if "@" in parts.netloc:
        raise RefusedError(f"The address {shown} names a user: give user and password in a Secret.")
    if not _HOSTS[parts.scheme].fullmatch(parts.netloc):
        what = {"file": "an absolute path", "http": "a server", "https": "a server"}.get(parts.scheme, "a bucket")
        raise RefusedError(f"The address {shown!r} is not right: after {parts.scheme}:// there has to be {what}.")
    return parts, shown


def _check_endpoint(given: Mapping[str, str]) -> None:
    """Refuse an endpoint that is no address: the library would not survive it."""
    for name in _ENDPOINTS:
        value = given.get(name) or environ.get(name)
        if value and not _ENDPOINT.fullmatch(value):
            raise RefusedError(f"{name} is no address like https://host:port.")


def _open(uri: str, secret: _Secret, client: "ClientConfig", retry: "RetryConfig") -> ObjectStore:
    parts = urlsplit(uri)
    config: Any = _config(parts.scheme, secret)
    match parts.scheme:
        case "s3":
            return S3Store(parts.netloc, config=config, client_options=client, retry_config=retry)
        case "gs":
            return GCSStore(parts.netloc, config=config, client_options=client, retry_config=retry)
        case "az":
            return AzureStore(parts.netloc, config=config, client_options=client, retry_config=retry)
        case "file":
            return LocalStore("/")
        case _:
            client["allow_http"] = parts.scheme == "http"
            client["default_headers"] = _authorization(secret.given)
            # The query of a signed address belongs to each request.
            base = f"{parts.scheme}://{parts.netloc}" + (f"?{parts.query}" if parts.query else "")
            return HTTPStore(base, client_options=client, retry_config=retry)


def _read_folder(credentials: str) -> dict[str, str]:
    """Return what stands in a mounted Secret, key by key."""
    if not credentials:
        return {}
    try:
        # The kubelet keeps the versions of a Secret in folders of their own, whose names begin with two dots.
        files = [path for path in Path(credentials).iterdir() if not path.name.startswith("..")]
        return {path.name: path.read_text().strip() for path in files}
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The credentials in {credentials} cannot be read: {type(error).__name__}.") from None


def _config(scheme: str, secret: _Secret) -> dict[str, str]:
    prefix = _PREFIXES.get(scheme)
    if prefix is None:
        return {}
    named = {name: value for name, value in secret.given.items() if name.startswith(prefix) and name not in _CA_BUNDLES}
    return {name: str(Path(secret.folder) / name) if name in _FILES else value for name, value in named.items()}


def _client(given: Mapping[str, str], request: timedelta) -> "ClientConfig":
    endpoints = (given.get(name) or environ.get(name, "") for name in _ENDPOINTS)
    client: ClientConfig = {
        "allow_http": any(endpoint.startswith("http://") for endpoint in endpoints),
        "connect_timeout": _CONNECT,
        "timeout": request,
    }
    certificates = [given[name] for name in _CA_BUNDLES if name in given]
    if certificates:
        client["root_certificate"] = "\n".join(certificates)
    return client


def _authorization(given: Mapping[str, str]) -> dict[str, str]:
    if "authorization" in given:
        return {"Authorization": given["authorization"]}
    if "username" in given:
        pair = f"{given['username']}:{given.get('password', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _raw_path(uri: str) -> str:
    """Return what follows the bucket: a key may hold `?` and `#`, which mean nothing there."""
    return uri.split("://", 1)[1].partition("/")[2].join(("/", ""))


def _listed() -> str:
    return ", ".join(f"{scheme}://" for scheme in SCHEMES)
