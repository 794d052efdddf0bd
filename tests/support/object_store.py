"""A real S3 server for tests: versitygw over a folder, on a random port of the loopback address."""

import secrets
from pathlib import Path

from obstore.store import S3Store

from devtools.third_party import versitygw
from tests.support.object_server import ServerProcess, StoreServer


class ObjectServer(StoreServer):
    """A server with one empty bucket; use it as a context manager."""

    scheme = "s3"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        """Keep the objects below a folder."""
        self.region = "us-east-1"
        self.access_key, self.secret_key = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
        self.objects = folder / "objects"
        (self.objects / self.bucket).mkdir(parents=True)
        # Not in extended attributes, which few file systems have, and with little room.
        self._metadata = folder / "metadata"
        self._metadata.mkdir()
        self._process = ServerProcess(address, folder / "log")

    @property
    def endpoint(self) -> str:
        """Return the address of the server."""
        return self._process.url

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
    def secret(self) -> str:
        """Return what nobody may be shown of it."""
        return self.secret_key

    @property
    def wrong(self) -> tuple[str, str, str]:
        """Return a key of the Secret, what somebody else has there, and the store's own word for that."""
        return "AWS_SECRET_ACCESS_KEY", "of somebody else", "SignatureDoesNotMatch"

    @property
    def absent(self) -> str:
        """Return the store's own word for a bucket that does not exist."""
        return "NoSuchBucket"

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

    def make_bucket(self, name: str) -> None:
        """Make another bucket."""
        (self.objects / name).mkdir()

    def start(self) -> None:
        """Start the server, or start it again: its objects are still there."""
        keys = {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        words: list[str | Path] = [versitygw(), "--quiet", "--port", self.endpoint.removeprefix("http://")]
        self._process.start([*words, "posix", "--sidecar", self._metadata, self.objects], keys)

    def stop(self) -> None:
        """Stop the server at once; what is on its way to it is lost."""
        self._process.end()
