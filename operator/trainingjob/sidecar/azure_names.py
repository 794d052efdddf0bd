"""What Azure's own tools call an account and its key, and what a blob may be called."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from trainingjob.sidecar.errors import RefusedError

_CONNECTION: Final = "AZURE_STORAGE_CONNECTION_STRING"
_ACCOUNT, _KEY = "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"
_OTHER_NAMES: Final = {"AZURE_STORAGE_ACCOUNT": _ACCOUNT, "AZURE_STORAGE_KEY": _KEY}
"""As the command line of Azure has it, and as the library does."""
_UNFIT: Final = re.compile(r"\\|\.(/|$)")


def in_the_librarys_words(given: Mapping[str, str]) -> dict[str, str]:
    """Return what a Secret holds with the names that the library knows, a connection string taken apart.

    Raises:
        RefusedError: for a connection string that names no account.
    """
    renamed = {_OTHER_NAMES.get(name, name): value for name, value in given.items() if name != _CONNECTION}
    # What is said by itself counts more than the same within a connection string.
    return {**_taken_apart(given[_CONNECTION]), **renamed} if _CONNECTION in given else renamed


def _taken_apart(connection: str) -> dict[str, str]:
    fields = {name: value for name, _, value in (field.partition("=") for field in connection.split(";"))}
    endpoint = fields.get("BlobEndpoint", "").rstrip("/")
    if not endpoint and "EndpointSuffix" in fields and "AccountName" in fields:
        protocol = fields.get("DefaultEndpointsProtocol", "https")
        endpoint = f"{protocol}://{fields['AccountName']}.blob.{fields['EndpointSuffix']}"
    # One with a signature leaves the account to the address.
    account = fields.get("AccountName") or urlsplit(endpoint).netloc.partition(".")[0]
    if not account:
        raise RefusedError(
            f"{_CONNECTION} names no account: it begins like DefaultEndpointsProtocol=https;AccountName=…"
        )
    found = {
        _ACCOUNT: account,
        _KEY: fields.get("AccountKey", ""),
        "AZURE_STORAGE_SAS_TOKEN": fields.get("SharedAccessSignature", ""),
        "AZURE_STORAGE_ENDPOINT": endpoint,
    }
    return {name: value for name, value in found.items() if value}


def is_fit(path: str) -> bool:
    r"""Say whether Azure keeps a blob of this name under this name: it takes `\` for `/`, and no `.` at an end."""
    return not _UNFIT.search(path)
