"""Connections to HTTP servers: through the proxy that the environment names, with further authorities to trust."""

import ssl
from pathlib import Path
from typing import Final, cast

from dulwich.client import default_urllib3_manager
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from trainingjob.sidecar.errors import RefusedError, UnavailableError

_CA: Final = "ca.crt"
_TIMEOUT: Final = 60.0
_CONNECTIONS: Final = 8


def open_pool(url: str, credentials: Path | None) -> PoolManager:
    """Return connections for a URL and wherever it is redirected; the credentials may hold `ca.crt`.

    Raises:
        RefusedError: when `ca.crt` holds no certificates.
    """
    pool = cast("PoolManager", default_urllib3_manager(None, base_url=url, timeout=_TIMEOUT))
    pool.connection_pool_kw["maxsize"] = _CONNECTIONS
    if credentials is not None and (credentials / _CA).exists():
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(credentials / _CA)
        except (OSError, ValueError) as error:  # the errors of ssl are among them
            raise RefusedError(f"The {_CA} of the Secret holds no certificates: {type(error).__name__}.") from None
        pool.connection_pool_kw["ssl_context"] = context
    return pool


def no_answer(what: str, error: HTTPError) -> RefusedError | UnavailableError:
    """Return the error for a server that did not answer; `what` was tried: "read https://host/path"."""
    cause = getattr(error, "reason", None) or error
    if "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return RefusedError(f"Could not {what}: the server's certificate is not trusted; {_CA} of a Secret can help.")
    return UnavailableError(f"Could not {what}: the server does not answer ({type(cause).__name__}).")
