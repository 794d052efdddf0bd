"""The package index: how pip is told about it and its credentials, and whether it answers."""

import re
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit, urlunsplit

from .failures import InstallationError
from .redaction import secrets_in
from .task import Task

_URL, _CONFIGURATION, _NETRC = "index-url", "pip.conf", "netrc"
_TIMEOUT_SECONDS = 15
_NOT_NOW = (429, 502, 503, 504)
_OPTION = re.compile(r"^\s*(?:-i|--index-url|--extra-index-url)[\s=]+(\S+)", re.MULTILINE)


class Access(NamedTuple):
    """What pip needs to reach its index."""

    variables: Dict[str, str]
    """For its environment: there nobody else sees them, on its command line everybody would."""
    secrets: List[str]
    netrc: Optional[Path]


def access(task: Task, environ: Mapping[str, str]) -> Access:
    """Return how to reach the index of a task; what the image or the job says of it counts where the task is silent.

    Raises:
        InstallationError: when the Secret holds nothing that is known, or no URL.
    """
    variables, netrc = {}, None
    told = [value for name, value in environ.items() if name.startswith("PIP_")]
    if task.index_url:
        variables["PIP_INDEX_URL"] = task.index_url
    if task.credentials:
        found = {name: task.credentials / name for name in (_URL, _CONFIGURATION, _NETRC)}
        found = {name: file for name, file in found.items() if file.is_file()}
        if not found:
            raise InstallationError(
                "The Secret of spec.environment.secretRef has none of the keys index-url, pip.conf and netrc"
            )
        told += [file.read_text() for file in found.values()]
        if _URL in found:
            variables["PIP_INDEX_URL"] = _url(found[_URL].read_text().strip())
        if _CONFIGURATION in found:
            variables["PIP_CONFIG_FILE"] = str(found[_CONFIGURATION])
        netrc = found.get(_NETRC)
        if netrc:
            variables["NETRC"] = str(netrc)
    return Access(variables, [secret for text in (*told, task.index_url) for secret in secrets_in(text)], netrc)


def _url(text: str) -> str:
    if not re.match(r"https?://\S+$", text):
        raise InstallationError("The key index-url of the Secret of spec.environment.secretRef is no http or https URL")
    return text


def urls_in(requirements: str) -> List[str]:
    """Return the indexes that a requirements file names itself."""
    return _OPTION.findall(requirements)


def silent_index(urls: Iterable[str]) -> str:
    """Return which of some indexes does not answer and why, without secrets; empty when all of them do."""
    for url in urls:
        why = _silence(url)
        if why:
            return f"The package index {_public(url)} did not answer: {why}"
    return ""


def _public(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _silence(url: str) -> str:
    """Return why an index does not answer; any answer but that it cannot now is one."""
    if not url.startswith(("http://", "https://")):
        return ""
    # The page of one package: that of all of them may be large and slow. Whether it is there does not matter.
    page = _public(url).rstrip("/") + "/pip/"
    try:
        with urllib.request.urlopen(page, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - it is http, see above
            return ""
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code} {error.reason}" if error.code in _NOT_NOW else ""
    except urllib.error.URLError as error:
        # A certificate that is not trusted was sent by somebody who is there.
        return "" if isinstance(error.reason, SSLError) else str(error.reason)
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
