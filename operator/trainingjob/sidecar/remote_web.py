"""Read a file from an HTTP server, also from one that tells no length: archives of git hosts are such files."""

import base64
import email.utils
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import HTTPError

from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.http_pool import no_answer, open_pool
from trainingjob.sidecar.remote import ChangedError, Wanted, stamp

_CHUNK: Final = 1 << 18
_TOTAL: Final = re.compile(r"/(\d+)$")
_RETRIES: Final = Retry(
    total=8, backoff_factor=0.2, backoff_max=10, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False
)
_PASSING: Final = frozenset({408, 425, 429})
"""Answers below 500 that say to come again."""


class Web:
    """A file of an HTTP server."""

    def __init__(self, uri: str, credentials: str = "") -> None:
        """Read a URI; `credentials` may hold `authorization`, or `username` and `password`, and `ca.crt`."""
        parts = urlsplit(uri)
        self.uri = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        if "@" in parts.netloc:
            raise RefusedError(f"The address {self.uri} names a user: give username and password in a Secret.")
        if not parts.hostname:
            raise RefusedError(f"The address {self.uri} names no server.")
        self._address = uri
        self._name = posixpath.basename(unquote(parts.path).rstrip("/")) or "data"
        folder = Path(credentials) if credentials else None
        self._pool = open_pool(uri, folder)
        # Whoever is redirected to another server leaves the authorization behind: the library sees to that.
        self._headers = {"Accept-Encoding": "identity", **_authorization(folder)}

    def children(self) -> tuple[list[str], list[str]]:
        """Refuse: these servers have no folders."""
        raise RefusedError(f"{self.uri} is no folder of a store: give s3://, gs:// or az://, or a claim.")

    def find(self) -> list[Wanted]:
        """Return the file; whether it can be read in parts, the answer to the request for its first byte tells."""
        with self._asked({"Range": "bytes=0-0"}, (200, 206, 416)) as answer:
            version = answer.headers.get("ETag", "")
            known = stamp(_changed(answer), version) if version or _changed(answer) else 0
            parts = answer.status != 200
            return [Wanted(self._name, self._address, _size(answer), version, known, parts=parts)]

    def read(self, wanted: Wanted, start: int, end: int | None) -> Iterator[bytes]:
        """Yield bytes of a file that has not changed since it was found."""
        if end is not None and end <= start:
            return
        whole = start == 0 and end in (None, wanted.size)
        asked = {} if whole else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with self._asked(asked, (200,) if whole else (206,)) as answer:
            if wanted.version and answer.headers.get("ETag", wanted.version) != wanted.version:
                raise ChangedError(f"{self.uri} was changed while it was read.")
            yield from answer.stream(_CHUNK)

    @contextmanager
    def _asked(self, headers: Mapping[str, str], good: tuple[int, ...]) -> Iterator[BaseHTTPResponse]:
        try:
            answer = self._pool.request(
                "GET", self._address, headers={**self._headers, **headers}, preload_content=False, retries=_RETRIES
            )
            try:
                self._check(answer.status, good)
                yield answer
            finally:
                # What was not read of it is given up together with the connection.
                answer.close()
        except HTTPError as error:
            raise no_answer(f"read {self.uri}", error) from None

    def _check(self, status: int, good: tuple[int, ...]) -> None:
        if status in good:
            return
        problem = f"Could not read {self.uri}: the server answers {status}"
        if status in (404, 410):
            raise RefusedError(f"{problem}, it does not exist.")
        if status in (401, 403):
            raise RefusedError(f"{problem}, it does not allow it.")
        if status >= 500 or status in _PASSING:
            raise UnavailableError(f"{problem}.")
        raise RefusedError(f"{problem}.")


def _changed(answer: BaseHTTPResponse) -> float:
    """Return when the file was changed, in seconds since 1970; 0 when nobody tells."""
    told = email.utils.parsedate_tz(answer.headers.get("Last-Modified", ""))
    return email.utils.mktime_tz(told) if told else 0


def _size(answer: BaseHTTPResponse) -> int | None:
    if answer.status == 200:
        length = answer.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None
    total = _TOTAL.search(answer.headers.get("Content-Range", ""))
    return int(total[1]) if total else None


def _authorization(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    try:
        given = {name: _read(folder / name) for name in ("authorization", "username", "password")}
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The credentials in {folder} cannot be read: {type(error).__name__}.") from None
    if given["authorization"]:
        return {"Authorization": given["authorization"]}
    if given["username"] or given["password"]:
        pair = f"{given['username'] or 'git'}:{given['password']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
