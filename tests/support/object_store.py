"""A real S3 server for tests: versitygw over a folder, on a random port of the loopback address."""

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

import obstore
from obstore.store import S3Store

from devtools.third_party import versitygw

_START_SECONDS = 60.0


class ObjectServer:
    """A server with one empty bucket; use it as a context manager."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        """Keep the objects below a folder."""
        self.bucket, self.region = "runs", "us-east-1"
        self.access_key, self.secret_key = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
        self.objects, self._log = folder / "objects", folder / "log"
        (self.objects / self.bucket).mkdir(parents=True)
        # Not in extended attributes, which few file systems have, and with little room.
        self._metadata = folder / "metadata"
        self._metadata.mkdir()
        self._address, self._port = address, _free_port(address)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Return the address of the server."""
        return f"http://{self._address}:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what a Secret for this store holds."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    @property
    def store(self) -> S3Store:
        """Return a client of the bucket."""
        return S3Store(
            self.bucket,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            client_options={"allow_http": True},
        )

    def write_credentials(self, folder: Path) -> Path:
        """Write what a Secret would be mounted as, and return the folder."""
        folder.mkdir(parents=True)
        for name, value in self.environment.items():
            (folder / name).write_text(value)
        return folder

    def keys(self, prefix: str = "") -> dict[str, int]:
        """Return the objects below a prefix and their sizes."""
        return {found["path"]: found["size"] for found in obstore.list(self.store, prefix or None).collect()}

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        return bytes(obstore.get(self.store, key).bytes())

    def read_all(self, ending: str) -> str:
        """Return what all objects hold together whose keys end so."""
        return "\n".join(self.read(key).decode() for key in self.keys() if key.endswith(ending))

    def start(self) -> None:
        """Start the server, or start it again: its objects are still there."""
        variables = {**os.environ, "ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        words: list[str | Path] = [versitygw(), "--quiet", "--port", f"{self._address}:{self._port}"]
        words += ["posix", "--sidecar", self._metadata]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*words, self.objects], stdout=log, stderr=log, env=variables)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The S3 server does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server at once; what is on its way to it is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> "ObjectServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self._address, self._port), 0.2):
                return True
        except OSError:
            return False


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
