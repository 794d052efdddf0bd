"""What the servers of object stores have in common that tests start."""

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

_START_SECONDS = _END_SECONDS = 60.0


class StoreServer(ABC):
    """A server with one empty bucket; use it as a context manager."""

    scheme: ClassVar[str]
    bucket = "runs"

    @abstractmethod
    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        """Keep the objects below a folder."""

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return what a Secret for this store holds."""

    @property
    @abstractmethod
    def secret(self) -> str:
        """Return what nobody may be shown of it."""

    @property
    @abstractmethod
    def wrong(self) -> tuple[str, str, str]:
        """Return a key of the Secret, what somebody else has there, and the store's own word for that."""

    @property
    @abstractmethod
    def absent(self) -> str:
        """Return the store's own word for a bucket that does not exist."""

    @property
    @abstractmethod
    def store(self) -> AzureStore | GCSStore | S3Store:
        """Return a client of the bucket."""

    @abstractmethod
    def make_bucket(self, name: str) -> None:
        """Make another bucket."""

    @abstractmethod
    def start(self) -> None:
        """Start the server, or start it again: its objects are still there."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the server; what is on its way to it is lost."""

    def uri(self, path: str = "") -> str:
        """Return the address of what stands at a path of the bucket."""
        return f"{self.scheme}://{self.bucket}/{path}" if path else f"{self.scheme}://{self.bucket}"

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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class ServerProcess:
    """A server that is a program, on a random port of an address."""

    def __init__(self, address: str, log: Path) -> None:
        """Choose a port; what the program prints is appended to the log."""
        self.address, self.port, self._log = address, free_port(address), log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://{self.address}:{self.port}"

    def start(self, words: Sequence[str | Path], variables: Mapping[str, str]) -> None:
        """Start the program and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **variables})
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the program, if it runs; at once, or so that it may put in order what it has."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_END_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), 0.2):
                return True
        except OSError:
            return False


def free_port(address: str) -> int:
    """Return a port of an address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
