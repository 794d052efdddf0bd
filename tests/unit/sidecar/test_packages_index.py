"""What pip is told about its index."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainingjob.sidecar.packages.index import access, ask, urls_in
from trainingjob.sidecar.packages.task import Task

SECURE = "https://example.com/simple"
PLAIN = "http://index.example.com:8080/simple"


def task(index_url: str = "", credentials: Path | None = None) -> Task:
    return Task(Path("/environment"), ["six"], "", index_url, credentials, None, None, False)


@pytest.mark.parametrize(
    ("url", "environ", "variables"),
    [
        ("", {"PIP_INDEX_URL": SECURE}, {}),
        (SECURE, {"PIP_INDEX_URL": "https://other.example.com"}, {"PIP_INDEX_URL": SECURE}),
        (PLAIN, {}, {"PIP_INDEX_URL": PLAIN, "PIP_TRUSTED_HOST": "index.example.com:8080"}),
        (
            PLAIN,
            {"PIP_TRUSTED_HOST": "a b"},
            {"PIP_INDEX_URL": PLAIN, "PIP_TRUSTED_HOST": "a b index.example.com:8080"},
        ),
    ],
)
def test_index_of_the_task_counts_before_that_of_the_image(
    url: str, environ: dict[str, str], variables: dict[str, str]
) -> None:
    assert access(task(url), environ).variables == variables


def test_index_of_the_secret_counts_before_that_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "index-url").write_text("http://reader:first-one@example.com/simple\n")
    (tmp_path / "pip.conf").write_text("[install]\nextra-index-url = https://second-one@example.org/simple\n")
    (tmp_path / "channels").write_text("https://a.example.com/t/fifth-one/b\n\n http://c.example.com\n")
    (tmp_path / "netrc").write_text("machine example.net login reader password third-one\n")

    way = access(
        task(SECURE, tmp_path), {"PIP_EXTRA_INDEX_URL": "https://reader:fourth%20one@example.com", **os.environ}
    )

    assert way.variables == {
        "PIP_INDEX_URL": "http://reader:first-one@example.com/simple",
        "PIP_TRUSTED_HOST": "example.com",
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "NETRC": str(tmp_path / "netrc"),
    }
    assert way.netrc == tmp_path / "netrc"
    assert way.channels == ["https://a.example.com/t/fifth-one/b", "http://c.example.com"]
    assert {"first-one", "second-one", "third-one", "fourth one", "fourth%20one", "fifth-one"} <= set(way.secrets)


def test_indexes_of_a_requirements_file_are_found() -> None:
    text = (
        "-i https://a/s\n six\n--extra-index-url=https://b/s # why\n  --index-url   https://c/s\n-r x\n#-i https://d\n"
    )

    assert urls_in(text) == ["https://a/s", "https://b/s", "https://c/s"]


class Redirecting(BaseHTTPRequestHandler):
    """Leads `/simple/pip/` to wherever the server is told, and notes with what passwords it was asked."""

    def do_GET(self) -> None:
        """Answer."""
        server = self.server
        assert isinstance(server, Servers)
        server.asked.append((self.headers["Host"], self.path, self.headers["Authorization"]))
        moved = self.path == "/simple/pip/"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", server.leads_to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Servers(ThreadingHTTPServer):
    """One server, which is another one under the name localhost."""

    leads_to = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Redirecting)
        self.asked: list[tuple[str, str, str | None]] = []


@pytest.fixture
def servers() -> Iterator[Servers]:
    with Servers() as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


@pytest.mark.parametrize(("host", "kept"), [("localhost", False), ("127.0.0.1", True)])
def test_password_follows_a_redirect_to_the_same_server_alone(host: str, kept: bool, servers: Servers) -> None:
    servers.leads_to = f"http://{host}:{servers.server_port}/elsewhere/"

    answer = ask(f"http://reader:planted@127.0.0.1:{servers.server_port}/simple")

    (_, _, first), (reached, path, second) = servers.asked
    assert answer.status == 200
    assert first is not None
    assert (reached, path) == (f"{host}:{servers.server_port}", "/elsewhere/")
    assert second == (first if kept else None)
