"""What can go wrong between the operator and the API server, as types that say what to do about it."""

import re
from collections.abc import Mapping
from typing import Any, Final

MESSAGE_LIMIT: Final = 1000
"""Characters of a server's message that are kept: it may quote a whole object."""

_ENCODED: Final = re.compile(r"[A-Za-z0-9+/=]{65,}")
"""Longer than a digest in hexadecimal: a webhook that quotes a Secret shows its private keys as such a word."""


class KubeError(Exception):
    """The API server did not do what it was asked; the text is its own message, without what may be a key."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(_ENCODED.sub("…", message)[:MESSAGE_LIMIT])
        self.status = status
        """The HTTP status; 0 when no answer came."""
        self.reason = reason
        """The CamelCase reason of the server's Status object; empty when there was none."""


class TransientError(KubeError):
    """Trying again later may help; whether a write was carried out is unknown."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after
        """Seconds that the server asked to wait; 0 when it did not say."""


class NotFoundError(KubeError):
    """The object, its namespace or its resource does not exist."""


class AlreadyExistsError(KubeError):
    """An object of that name exists."""


class ConflictError(KubeError):
    """The object is no longer the one that was meant: another version or another uid."""


class GoneError(KubeError):
    """The resource version is too old to go on from; list again."""


class RefusedError(KubeError):
    """The server understood and refused: a right, a policy, a quota or the object itself stands against it."""


class FencedError(KubeError):
    """The write was not sent, because this process does not hold the lease."""


def error_of(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> KubeError:
    """Return the error that an answer of 400 or above stands for.

    Args:
        status: the HTTP status, or the code of an ERROR event of a watch.
        body: the server's Status object; empty when it sent none.
        headers: the answer's headers.
    """
    message = str(body.get("message") or f"HTTP status {status}")
    reason = str(body.get("reason") or "")
    if status == 409:
        kind = AlreadyExistsError if reason == "AlreadyExists" else ConflictError
        return kind(message, status=status, reason=reason)
    if status == 404:
        return NotFoundError(message, status=status, reason=reason)
    if status == 410:
        return GoneError(message, status=status, reason=reason)
    if _passes(status, message):
        wait = _seconds(headers.get("Retry-After") or (body.get("details") or {}).get("retryAfterSeconds"))
        return TransientError(message, status=status, reason=reason, retry_after=wait)
    return RefusedError(message, status=status, reason=reason)


def _passes(status: int, message: str) -> bool:
    # A webhook that is down answers 500 for as long as it is down: its users must read that in the job's status.
    if "failed calling webhook" in message:
        return False
    # 401 passes with the next token, 408 and 429 with time.
    return status >= 500 or status in (401, 408, 429)


def _seconds(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 0.0
