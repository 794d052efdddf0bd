"""Say in our own words what went wrong with a git server, and whether trying again helps."""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dulwich.client import HTTPUnauthorized
from dulwich.errors import ChecksumMismatch, GitProtocolError, HangupException, NotGitRepository, ObjectFormatException
from urllib3.exceptions import HTTPError

from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.http_pool import no_answer

_STATUS: Final = re.compile(r"unexpected http resp (\d{3})")
_FOR_GOOD: Final = re.compile(
    r"not found|does not appear to be|denied|not exist|not allowed|unauthorized", re.IGNORECASE
)
_INVALID: Final = (
    ChecksumMismatch,
    ObjectFormatException,
    AssertionError,
    ValueError,
    LookupError,
    RecursionError,
    struct.error,
    zlib.error,
)
"""In one of these, deep in the library, ends what is no git at all."""


@contextmanager
def git_errors(shown: str) -> Iterator[None]:
    """Turn the library's errors into ours; `shown` is the repository's address.

    Raises:
        RefusedError: no such repository, no access, or what is no repository at all.
        UnavailableError: no answer, or an error of the server.
    """
    try:
        yield
    except NotGitRepository:
        raise RefusedError(f"There is no git repository at {shown}, or the credentials do not show it.") from None
    except HTTPUnauthorized:
        raise RefusedError(f"The repository {shown} asks for a user and a password, or does not take those.") from None
    except HangupException as error:
        raise _last_words(error, shown) from None
    except GitProtocolError as error:
        raise _judged(error, shown) from None
    except HTTPError as error:
        raise no_answer(f"fetch {shown}", error) from None
    except _INVALID as error:
        problem = f"{type(error).__name__}: {error}"[:200]
        raise RefusedError(f"What {shown} answers is no valid git repository ({problem}).") from error


def _last_words(error: HangupException, shown: str) -> RefusedError | UnavailableError:
    """Return the error for a connection that the server has closed, with what it printed before."""
    words = b" ".join(error.stderr_lines or ()).decode(errors="replace").strip()
    if _FOR_GOOD.search(words):
        return RefusedError(f"The server of {shown} refuses: {words[:300]}")
    return UnavailableError(f"The server of {shown} closed the connection. {words[:300]}".strip())


def _judged(error: GitProtocolError, shown: str) -> RefusedError | UnavailableError:
    if isinstance(error.__cause__, HTTPError):
        return no_answer(f"fetch {shown}", error.__cause__)
    status = _STATUS.search(str(error))
    if status is not None and (int(status[1]) >= 500 or status[1] == "429"):
        return UnavailableError(f"The server of {shown} answers {status[1]}.")
    if status is not None:
        return RefusedError(f"The server of {shown} answers {status[1]}: no access, or no repository.")
    return RefusedError(f"The server of {shown} does not give what was asked for: {str(error)[:200]}")
