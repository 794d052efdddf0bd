"""Stores are opened from a URI and a folder of credentials; what goes wrong is told without a secret."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.store_errors import MissingError, UnsupportedError, store_errors
from trainingjob.sidecar.stores import Location, open_location

SECRET = "planted-secret"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET}


class Server(http.server.ThreadingHTTPServer):
    """Answers with the status that the last part of a path names, and remembers the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.code = "SomeCode"
        self.elsewhere = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Of that server."""

    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.path.startswith("/computeMetadata/"):
            self._give_token()
            return
        status = int(self.path.partition("?")[0].rpartition("/")[2])
        body = f"<Error><Code>{self.server.code}</Code><Message>{SECRET}</Message></Error>".encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.elsewhere)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        self.send_header("ETag", '"x"')
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, {}))
        self._give_token()

    def _give_token(self) -> None:
        body = json.dumps({"access_token": "token-of-the-pod", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)


def secret(folder: Path, **files: str) -> str:
    """Write what the kubelet mounts for a Secret: links into a folder whose name begins with two dots."""
    data = folder / "secret" / "..data"
    data.mkdir(parents=True)
    for name, value in files.items():
        (data / name).write_text(value)
        (folder / "secret" / name).symlink_to(f"..data/{name}")
    return str(folder / "secret")


def ask(location: Location) -> bytes:
    with store_errors(f"read {location.uri}"):
        return bytes(location.store.get(location.key).bytes())


@pytest.mark.parametrize(
    ("uri", "shown", "key", "folder"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b", "a/b", False),
        ("s3://bucket/a%20b?c#d/", "s3://bucket/a%20b", "a%20b?c#d", True),
        ("s3://bucket", "s3://bucket", "", True),
        ("gs://bucket/a/", "gs://bucket/a/", "a", True),
        ("file:///data/a%20b", "file:///data/a%20b", "data/a%20b", False),
        ("https://example.com/a%20b.tar?sig=x", "https://example.com/a%20b.tar", "a b.tar", False),
    ],
)
def test_address_is_divided_into_store_and_key(uri: str, shown: str, key: str, folder: bool) -> None:
    location = open_location(uri)
    assert (location.uri, location.key, location.folder) == (shown, key, folder)


@pytest.mark.parametrize(
    ("uri", "files", "words"),
    [
        ("ftp://host/x", {}, "has to begin with one of s3://, gs://, az://, https://, http://, file://"),
        ("bucket/x", {}, "has to begin with one of"),
        ("s3:///x", {}, "after s3:// there has to be a bucket"),
        ("s3://bu cket/x", {}, "after s3:// there has to be a bucket"),
        ("https:///x", {}, "after https:// there has to be a server"),
        ("file://host/x", {}, "after file:// there has to be an absolute path"),
        (f"https://user:{SECRET}@host/x", {}, "give user and password in a Secret"),
        ("s3://b/x", {"AWS_ACCESS_KEY_ID": SECRET}, "the credentials lack SecretAccessKey"),
        ("s3://b/x", {**KEYS, "AWS_NONSENSE": SECRET}, "AWS_NONSENSE of the Secret is no setting"),
        ("s3://b/x", {**KEYS, "AWS_ENDPOINT_URL": SECRET}, "AWS_ENDPOINT_URL is no address like https://host:port"),
        ("s3://b/x", {**KEYS, "ca.crt": SECRET}, "one of them cannot be read"),
        ("gs://b/x", {"GOOGLE_SERVICE_ACCOUNT_KEY": SECRET}, "the credentials cannot be read"),
        ("gs://b/x", {"GOOGLE_APPLICATION_CREDENTIALS": SECRET}, "the credentials cannot be read"),
        ("az://c/x", {}, "the credentials lack AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://c/x", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": f"{SECRET}!"}, "cannot be read"),
        ("az://c/x", {"AZURE_STORAGE_CONNECTION_STRING": SECRET}, "AZURE_STORAGE_CONNECTION_STRING names no account"),
        (
            "az://c/x",
            {"AZURE_STORAGE_CONNECTION_STRING": f"BlobEndpoint=blob;AccountName={SECRET}"},
            "AZURE_STORAGE_ENDPOINT is no address like https://host:port",
        ),
        ("https://host/x", {"authorization": f"{SECRET}\nx"}, "one of them cannot be read"),
    ],
)
def test_what_cannot_be_right_is_refused_without_the_secret(
    tmp_path: Path, uri: str, files: dict[str, str], words: str
) -> None:
    with pytest.raises(RefusedError, match=words.replace("?", r"\?")) as error:
        open_location(uri, secret(tmp_path, **files) if files else "")
    assert SECRET not in str(error.value)


def test_missing_folder_of_credentials_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be read: FileNotFoundError"):
        open_location("s3://b/x", str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NoSuchKey", MissingError, r"it does not exist \(NoSuchKey\)\."),
        (404, "NoSuchBucket", RefusedError, r"the bucket does not exist \(NoSuchBucket\)\."),
        (403, "AccessDenied", RefusedError, r"the store does not allow it \(AccessDenied\)\."),
        (401, "X", RefusedError, r"the store does not allow it \(X\)\."),
        (400, "PermanentRedirect", RefusedError, r"answers 400 \(PermanentRedirect: .* AWS_REGION\)\."),
        (400, f"a {SECRET}", RefusedError, r"answers 400\."),
        (429, "SlowDown", UnavailableError, r"answers 429 \(SlowDown\)\."),
        (500, "X", UnavailableError, r"answers 500 \(X\)\."),
        (503, "X", UnavailableError, r"answers 503 \(X\)\."),
        (501, "NotImplemented", UnsupportedError, r"this store cannot do that\."),
    ],
)
def test_answer_of_a_store_is_told_in_a_sentence(
    tmp_path: Path, server: Server, status: int, code: str, kind: type[Exception], words: str
) -> None:
    server.code = code
    credentials = secret(tmp_path, **KEYS, AWS_ENDPOINT_URL=server.address)
    location = open_location(f"s3://bucket/{status}", credentials, retry_seconds=0.1)
    with pytest.raises(kind, match=rf"^Could not read s3://bucket/{status}: .*{words}$") as error:
        ask(location)
    assert type(error.value) is kind
    assert SECRET not in str(error.value)
    assert server.seen[0][0] == f"/bucket/{status}"


def test_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    credentials = secret(tmp_path, **KEYS, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="there is no connection to the store"):
        ask(open_location("s3://bucket/x", credentials, retry_seconds=0.1))


def test_other_stores_credentials_in_the_same_secret_are_passed_over(tmp_path: Path, server: Server) -> None:
    credentials = secret(tmp_path, **KEYS, AWS_ENDPOINT_URL=server.address, AZURE_X="x", username="u", other="x")
    assert ask(open_location("s3://bucket/200", credentials))
    assert server.seen[0][1]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")


def test_without_a_secret_the_environment_counts(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.address}.items():
        monkeypatch.setenv(name, value)
    assert ask(open_location("s3://bucket/200"))


def test_identity_of_a_pod_in_azure_counts_where_the_secret_names_the_account_alone(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the webhook of Azure's workload identity sets the variables of a pod."""
    (tmp_path / "token").write_text("signed by the cluster")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", server.address)
    monkeypatch.setenv("AZURE_CLIENT_ID", "client")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    credentials = secret(tmp_path, AZURE_STORAGE_ACCOUNT="team", AZURE_STORAGE_ENDPOINT=server.address)
    assert ask(open_location("az://runs/200", credentials))
    (asked, _), (path, headers) = server.seen
    assert (asked, path, headers["authorization"]) == (
        "/tenant/oauth2/v2.0/token",
        "/runs/200",
        "Bearer token-of-the-pod",
    )


def test_identity_of_a_pod_in_google_counts_without_a_key(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", server.address.removeprefix("http://"))
    assert ask(open_location("gs://runs/200", secret(tmp_path, GOOGLE_BASE_URL=server.address)))
    (asked, _), (path, headers) = server.seen
    assert asked.startswith("/computeMetadata/v1/instance/service-accounts/default/token")
    assert (path, headers["authorization"]) == ("/runs/200", "Bearer token-of-the-pod")


@pytest.mark.parametrize(
    ("files", "header"),
    [
        ({}, None),
        ({"authorization": "Bearer t"}, "Bearer t"),
        ({"username": "ada", "password": "löve\n"}, "Basic YWRhOmzDtnZl"),
    ],
)
def test_web_server_gets_its_authorization_and_the_query_of_a_signed_address(
    tmp_path: Path, server: Server, files: dict[str, str], header: str | None
) -> None:
    location = open_location(f"{server.address}/a%20b/200?sig={SECRET}", secret(tmp_path, **files) if files else "")
    assert ask(location)
    path, headers = server.seen[0]
    assert (path, headers.get("authorization")) == (f"/a%20b/200?sig={SECRET}", header)
    assert SECRET not in location.uri


def test_authorization_is_not_told_to_another_server_that_is_pointed_to(tmp_path: Path, server: Server) -> None:
    with Server() as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        server.elsewhere = f"http://localhost:{other.server_port}/200"
        assert ask(open_location(f"{server.address}/302", secret(tmp_path, authorization=SECRET)))
        other.shutdown()
        thread.join()
    assert server.seen[0][1]["authorization"] == SECRET
    assert other.seen
    assert all("authorization" not in headers for _, headers in other.seen)


@pytest.mark.parametrize("key", ["a//b", "a/../b", "a\nb"])
def test_key_that_no_store_takes_is_refused(key: str) -> None:
    with pytest.raises(RefusedError, match="no store takes"):
        ask(open_location(f"file:///{key}"))


def test_folder_of_a_volume_is_a_store(tmp_path: Path) -> None:
    (tmp_path / "a%20b").write_bytes(b"x")
    location = open_location(f"file://{tmp_path}")
    assert bytes(location.store.get(location.at("a%20b")).bytes()) == b"x"
    with pytest.raises(MissingError, match="it does not exist"):
        ask(open_location(f"file://{tmp_path}/absent"))
