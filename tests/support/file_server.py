"""A small HTTP server of files for tests: with and without ranges, slow, failing, or asking for a password."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devtools.cluster.certificates import Pair


@dataclass
class FileServer:
    """What the server gives, and what it was asked."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Path without the first `/` → content."""
    ranges: bool = True
    """Whether parts of a file can be asked for."""
    lengths: bool = True
    """Whether the length of a file is told before it is sent."""
    authorization: str = ""
    """What a request has to carry; empty for nothing."""
    failures: int = 0
    """How many of the next requests are answered with 503."""
    cut_after: int = 0
    """After how many bytes a connection breaks; 0 for never."""
    cuts: int = 0
    """How many connections break."""
    sent: int = 0
    """Bytes of content sent so far."""
    requests: list[str] = field(default_factory=list)
    """Method, path and range of each request."""
    tag: str = '"1"'


@contextlib.contextmanager
def serve_files(certificate: Pair | None = None, **options: object) -> Iterator[FileServer]:
    """Serve files on a free port of this machine, with a certificate over HTTPS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    shared = FileServer(f"{scheme}://127.0.0.1:{server.server_address[1]}", **options)  # type: ignore[arg-type]
    server.shared = shared  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield shared
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        shared: FileServer = self.server.shared  # type: ignore[attr-defined]
        asked = self.headers.get("Range", "")
        shared.requests.append(f"{self.command} {self.path} {asked}".strip())
        content = shared.files.get(self.path.partition("?")[0].removeprefix("/"))
        if shared.failures:
            shared.failures -= 1
            self.send_error(503)
        elif shared.authorization and self.headers.get("Authorization") != shared.authorization:
            self.send_error(401)
        elif content is None:
            self.send_error(404)
        elif asked and shared.ranges:
            first, last = (int(number) if number else None for number in asked.removeprefix("bytes=").split("-"))
            start, end = first or 0, min(len(content), (last if last is not None else len(content)) + 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
            self._send(shared, content[start:end], body=body)
        else:
            self.send_response(200)
            self._send(shared, content, body=body)

    def _send(self, shared: FileServer, content: bytes, *, body: bool) -> None:
        if shared.lengths:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", shared.tag)
        self.end_headers()
        if not body:
            return
        if shared.cuts and len(content) > shared.cut_after:
            shared.cuts -= 1
            content = content[: shared.cut_after]
        shared.sent += len(content)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
