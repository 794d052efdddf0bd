"""Package indexes: how pip and conda are told about them and their credentials, and whether they answer."""

import base64
import re
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from ssl import SSLError
from typing import IO, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import unquote, urlsplit, urlunsplit

from .failures import InstallationError
from .redaction import secrets_in
from .task import Task

_URL, _CONFIGURATION, _CHANNELS, _NETRC = "index-url", "pip.conf", "channels", "netrc"
_TIMEOUT_SECONDS = 15
_OPTION = re.compile(r"^\s*(?:-i|--index-url|--extra-index-url)[\s=]+(\S+)", re.MULTILINE)


class Access(NamedTuple):
    """What pip needs to reach its index, and conda its channels."""

    variables: Dict[str, str]
    """For its environment: there nobody else sees them, on its command line everybody would."""
    secrets: List[str]
    netrc: Optional[Path]
    channels: List[str]
    """Channels of conda with their passwords or tokens."""


def access(task: Task, environ: Mapping[str, str]) -> Access:
    """Return how to reach the index of a task; what the image or the job says of it counts where the task is silent.

    Raises:
        InstallationError: when the Secret holds nothing that is known, or no URL.
    """
    variables = {"PIP_INDEX_URL": task.index_url} if task.index_url else {}
    told = [task.index_url, *(value for name, value in environ.items() if name.startswith("PIP_"))]
    texts = _texts(task.credentials) if task.credentials else {}
    if _URL in texts:
        variables["PIP_INDEX_URL"] = _url(texts[_URL].strip())
    for name, variable in ((_CONFIGURATION, "PIP_CONFIG_FILE"), (_NETRC, "NETRC")):
        if name in texts:
            variables[variable] = f"{task.credentials}/{name}"
    if variables.get("PIP_INDEX_URL", "").startswith("http://"):
        # Whoever wrote this wants it; pip would ask for the host's name once more.
        host = urlsplit(variables["PIP_INDEX_URL"]).netloc.rpartition("@")[2]
        variables["PIP_TRUSTED_HOST"] = " ".join([*environ.get("PIP_TRUSTED_HOST", "").split(), host])
    netrc = Path(variables["NETRC"]) if "NETRC" in variables else None
    secrets = [secret for text in (*told, *texts.values()) for secret in secrets_in(text)]
    return Access(variables, secrets, netrc, [_channel(line) for line in texts.get(_CHANNELS, "").split()])


def _texts(secret: Path) -> Dict[str, str]:
    files = [secret / name for name in (_URL, _CONFIGURATION, _CHANNELS, _NETRC)]
    texts = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()}
    if not texts:
        raise InstallationError(
            "The Secret of spec.environment.secretRef has none of the keys index-url, pip.conf, channels and netrc"
        )
    return texts


def _url(text: str) -> str:
    if not re.match(r"https?://\S+$", text):
        raise InstallationError("The key index-url of the Secret of spec.environment.secretRef is no http or https URL")
    return text


def _channel(text: str) -> str:
    if not re.match(r"https?://\S+$", text):
        raise InstallationError(
            "The key channels of the Secret of spec.environment.secretRef has a line that is no http or https URL"
        )
    return text


def urls_in(requirements: str) -> List[str]:
    """Return the indexes that a requirements file names itself."""
    return _OPTION.findall(requirements)


class Answer(NamedTuple):
    """What an index says to a request."""

    url: str
    """Its address without user and password."""
    status: int
    """The code of HTTP; 0 when there was no answer."""
    words: str

    @property
    def comes_later(self) -> bool:
        """Say whether asking again may help."""
        return self.status in (0, 429, 502, 503, 504)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows an index to wherever it leads, with its password as long as that is the same server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Optional[urllib.request.Request]:
        """Return the next request, None for none."""
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.unredirected_hdrs.get("Authorization")
        if following and token and _server(following.full_url) == _server(req.full_url):
            following.add_unredirected_header("Authorization", token)
        return following


def _server(url: str) -> Tuple[str, ...]:
    return urlsplit(url)[:2]


def ask(url: str, page: str = "/pip/") -> Answer:
    """Ask an index for the page of a package: that of all of them may be large and slow."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    public = urlunsplit((parts.scheme, host, parts.path, "", ""))
    # It has a scheme of the web: only pip's own options and files name others.
    request = urllib.request.Request(public.rstrip("/") + page)  # noqa: S310
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT_SECONDS) as response:
            return Answer(public, response.status, "")
    except urllib.error.HTTPError as error:
        return Answer(public, error.code, f"HTTP {error.code} {error.reason}")
    except urllib.error.URLError as error:
        # A certificate that is not trusted was sent by somebody who is there.
        return Answer(public, 495 if isinstance(error.reason, SSLError) else 0, str(error.reason))
    except (OSError, HTTPException) as error:
        return Answer(public, 0, str(error) or type(error).__name__)
