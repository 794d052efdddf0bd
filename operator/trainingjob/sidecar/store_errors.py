"""Say in our own words what went wrong with a store, and whether trying again helps.

The library's own texts name addresses with their signatures and quote answers: they are never shown.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from trainingjob.sidecar.errors import RefusedError, UnavailableError


class MissingError(RefusedError):
    """There is no such object, in a bucket that is there."""


class UnsupportedError(RefusedError):
    """The store does not know such a request: conditional writing is not everywhere."""


_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9.]{1,64})</Code>")
_CONFIGURATION_KEY: Final = re.compile(r"key: '([A-Za-z0-9_]{1,64})'")
_IDENTITY_SERVERS: Final = ("169.254.", "metadata.google.internal", "/latest/api/token")
_PASSING: Final = frozenset({408, 425, 429})
"""Answers below 500 that say to come again."""
_MISSING: Final = re.compile(
    r"error: Missing ([A-Z][A-Za-z]{1,40})|error: (Account|Bucket|Container) must be specified"
)
_SETTINGS: Final = {"Account": "AZURE_STORAGE_ACCOUNT_NAME"}
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound"})
_HINTS: Final = {
    "PermanentRedirect": "the bucket is in another region: give AWS_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region: give AWS_REGION",
    "RequestTimeTooSkewed": "the node's clock is wrong",
}


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn the library's errors into ours; `what` is what is tried: "read s3://bucket/key".

    AlreadyExistsError and PreconditionError pass: they are answers to a conditional request.

    Raises:
        RefusedError: not found, not allowed, or a request that the store does not understand.
        UnavailableError: no connection, no answer in time, or an error of the server.
    """
    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except FileNotFoundError as error:
        raise _absent(what, str(error)) from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise _forbidden(what, str(error)) from None
    except UnknownConfigurationKeyError as error:
        found = _CONFIGURATION_KEY.search(str(error))
        name = found[1].upper() if found else "a key"
        raise RefusedError(f"Could not {what}: {name} of the Secret is no setting of this kind of store.") from None
    except NotImplementedError:
        raise UnsupportedError(f"Could not {what}: this kind of store cannot do that.") from None
    except ValueError as error:
        if "parse path" not in str(error):
            raise
        raise RefusedError(f"Could not {what}: its name has a part that no store takes, as `..` or nothing.") from None
    except BaseError as error:
        raise _judged(what, str(error)) from None


def _judged(what: str, text: str) -> RefusedError | UnavailableError:
    """Return the error that a text of the library stands for."""
    if any(server in text for server in _IDENTITY_SERVERS):
        return UnavailableError(f"Could not {what}: no Secret with credentials is given and the pod has no identity.")
    if missing := _MISSING.search(text):
        lacking = missing[1] or missing[2]
        return RefusedError(f"Could not {what}: the credentials lack {_SETTINGS.get(lacking, lacking)}.")
    status = _STATUS.search(text)
    if status is not None and ("NotImplemented" in text or status[1] == "501"):
        return UnsupportedError(f"Could not {what}: this store cannot do that.")
    # The library has kinds of errors of their own for objects, and none for lists.
    if status is not None and status[1] in ("401", "403"):
        return _forbidden(what, text)
    if (bucket := _absent_bucket(what, text)) is not None:
        return bucket
    if status is not None:
        answer = f"the store answers {status[1]}{_code(text)}"
        again = int(status[1]) >= 500 or int(status[1]) in _PASSING
        return (
            UnavailableError(f"Could not {what}: {answer}.") if again else RefusedError(f"Could not {what}: {answer}.")
        )
    if "builder error" in text:
        return RefusedError(f"Could not {what}: the address of the store has to begin with https://.")
    if "Credential" in text or "DecodePemBundle" in text or "credential error" in text:
        return RefusedError(f"Could not {what}: the credentials cannot be read.")
    if "LocalFileSystem" in text:
        return UnavailableError(f"Could not {what}: the volume answers with an error.")
    if "timed out" in text or "TimedOut" in text or "Timeout" in text:
        return UnavailableError(f"Could not {what}: the store does not answer in time.")
    return UnavailableError(f"Could not {what}: there is no connection to the store.")


def _absent(what: str, text: str) -> RefusedError:
    return _absent_bucket(what, text) or MissingError(f"Could not {what}: it does not exist{_code(text)}.")


def _absent_bucket(what: str, text: str) -> RefusedError | None:
    found = _CODE.search(text)
    if found is None or found[1] not in _NO_BUCKET:
        return None
    return RefusedError(f"Could not {what}: the bucket does not exist ({found[1]}).")


def _forbidden(what: str, text: str) -> RefusedError:
    return RefusedError(f"Could not {what}: the store does not allow it{_code(text)}.")


def _code(text: str) -> str:
    """Return the store's own word for what is wrong, in brackets, and what to do where that is known."""
    found = _CODE.search(text)
    if found is None:
        return ""
    hint = _HINTS.get(found[1])
    return f" ({found[1]}: {hint})" if hint else f" ({found[1]})"
