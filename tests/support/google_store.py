"""A stand-in for Google Cloud Storage: what its XML interface adds to S3's, before a real S3 server.

No server for tests has the part of that interface that the client library uses: fake-gcs-server (1.54 was tried, 1.56
read) knows neither its `PUT` of an object nor its uploads in parts, the others have the JSON interface alone. Google
documents the interface as S3's but for what stands here: signed tokens in place of signed requests, generations in
place of `If-None-Match`, and that it is an error to remove what is not there.
"""

import base64
import json
import shutil
import threading
import time
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from obstore.store import GCSStore

from tests.support.object_server import StoreServer
from tests.support.object_store import ObjectServer
from tests.support.signing import signed

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_GENERATION: Final = "x-goog-if-generation-match"
_PASSED_ON: Final = ("Range", "If-Match", "Content-Type", "Content-Length")
_PASSED_BACK: Final = ("Content-Length", "Content-Range", "Content-Type", "ETag", "Last-Modified")


class GoogleServer(StoreServer):
    """A server with one empty bucket; use it as a context manager."""

    scheme = "gs"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        """Keep the objects below a folder."""
        self._objects = ObjectServer(folder, address)
        key = rsa.generate_private_key(65537, 2048)
        self.account = _account(key)
        self._front = _Front(address, self._objects, key.public_key())

    @property
    def environment(self) -> dict[str, str]:
        """Return what a Secret for this store holds."""
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": self.account, "GOOGLE_BASE_URL": self._front.url}

    @property
    def secret(self) -> str:
        """Return what nobody may be shown of it: a piece of the key."""
        text: str = json.loads(self.account)["private_key"]
        return text.splitlines()[5]

    @cached_property
    def wrong(self) -> tuple[str, str, str]:
        """Return a key of the Secret, what somebody else has there, and the store's own word for that."""
        return "GOOGLE_SERVICE_ACCOUNT_KEY", _account(rsa.generate_private_key(65537, 2048)), "AuthenticationRequired"

    @property
    def absent(self) -> str:
        """Return the store's own word for a bucket that does not exist."""
        return "NoSuchBucket"

    @property
    def store(self) -> GCSStore:
        """Return a client of the bucket."""
        return GCSStore(
            self.bucket,
            service_account_key=self.account,
            base_url=self._front.url,
            client_options={"allow_http": True},
        )

    def make_bucket(self, name: str) -> None:
        """Make another bucket."""
        self._objects.make_bucket(name)

    def start(self) -> None:
        """Start the server, or start it again: its objects are still there."""
        self._objects.start()

    def stop(self) -> None:
        """Stop the server; what is on its way to it is lost."""
        self._objects.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._front.end()


class _Front(ThreadingHTTPServer):
    """Takes Google's requests and passes them on; what it cannot pass on is not answered."""

    daemon_threads = True

    def __init__(self, address: str, objects: ObjectServer, key: rsa.RSAPublicKey) -> None:
        super().__init__((address, 0), _Handler)
        self.url = f"http://{address}:{self.server_port}"
        self._objects, self._key = objects, key
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Take no further connections."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def knows(self, authorization: str) -> bool:
        """Say whether a request's token is one that the service account has signed, for now and for the store."""
        head, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
        try:
            self._key.verify(_decoded(signature), head.encode(), padding.PKCS1v15(), SHA256())
            claims = json.loads(_decoded(head.partition(".")[2]))
        except (InvalidSignature, ValueError):
            return False
        return bool(claims["iat"] <= time.time() + 60 and time.time() < claims["exp"] and claims["scope"] == _SCOPE)

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> HTTPResponse:
        """Ask the S3 server.

        Raises:
            OSError: when it does not answer.
            HTTPException: when it breaks off.
        """
        parts, host = urlsplit(target), urlsplit(self._objects.endpoint).netloc
        query = parse_qsl(parts.query, keep_blank_values=True)
        keys = (self._objects.access_key, self._objects.secret_key)
        there, proof = signed(method, host, unquote(parts.path), query, keys, self._objects.region)
        connection = HTTPConnection(host)
        connection.request(method, there, body, {**headers, **proof})
        return connection.getresponse()


class _Handler(BaseHTTPRequestHandler):
    server: _Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.server.knows(self.headers.get("Authorization", "")):
            self._refuse(401, "AuthenticationRequired")
            return
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        if self.headers.get(_GENERATION) == "0":
            headers["If-None-Match"] = "*"
        try:
            if self.command == "DELETE" and self.server.ask("HEAD", self.path, {}, b"").status == 404:
                self._refuse(404, "NoSuchKey")
                return
            self._pass_back(self.server.ask(self.command, self.path, headers, body))
        except (OSError, HTTPException):
            self.close_connection = True

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 (names of the library)

    def _pass_back(self, answer: HTTPResponse) -> None:
        self.send_response(answer.status)
        for name in _PASSED_BACK:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", "0") if answer.status == 204 else self.send_header("Connection", "close")
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)

    def _refuse(self, status: int, code: str) -> None:
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
        body = b"" if self.command == "HEAD" else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _account(key: rsa.RSAPrivateKey) -> str:
    """Return the key of a service account as Google hands it out."""
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account: dict[str, Any] = {
        "type": "service_account",
        "project_id": "team",
        "private_key_id": "0123456789abcdef",
        "private_key": text,
        "client_email": "training@team.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps(account)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}===")
