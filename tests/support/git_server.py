"""A git repository and a server that gives it away over HTTP: git's own `http-backend` behind a small front."""

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


@dataclass
class Repository:
    """A repository with a work tree, made and changed by the program git."""

    folder: Path

    def git(self, *words: str, text: str | None = None) -> str:
        """Run git in the repository and return what it prints."""
        command = ["git", "-c", "protocol.file.allow=always", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=_ENVIRONMENT, input=text, text=True, capture_output=True, check=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes]) -> str:
        """Write files, commit everything, and return the commit's name."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")


def repository(folder: Path) -> Repository:
    """Make an empty repository whose branch is main."""
    folder.mkdir(parents=True)
    made = Repository(folder)
    made.git("init", "--quiet", "--initial-branch", "main")
    return made


@dataclass
class GitServer:
    """What serves all repositories below a folder."""

    url: str
    """Of the folder; a repository's name follows it."""
    requests: list[str] = field(default_factory=list)
    """The lines of the requests so far."""
    authorization: str = ""
    """What a request has to carry; empty for nothing."""
    failures: int = 0
    """How many of the next requests are answered with 503."""

    def require(self, user: str, password: str) -> None:
        """Give repositories only to this user."""
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextlib.contextmanager
def serve(root: Path, address: str = "127.0.0.1") -> Iterator[GitServer]:
    """Serve the repositories below a folder on a free port of this machine."""
    server = ThreadingHTTPServer((address, 0), _Handler)
    server.daemon_threads = True
    shared = GitServer(f"http://{address}:{server.server_address[1]}")
    server.shared, server.root = shared, root  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield shared
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        shared: GitServer = self.server.shared  # type: ignore[attr-defined]
        shared.requests.append(self.requestline)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if shared.failures:
            shared.failures -= 1
            self.send_error(503)
        elif shared.authorization and self.headers.get("Authorization") != shared.authorization:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._run(body)

    def _run(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.server.root),  # type: ignore[attr-defined]
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            env={**_ENVIRONMENT, **variables},
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
