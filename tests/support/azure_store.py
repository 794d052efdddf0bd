"""A real Azure Blob Storage server for tests: Azurite over a folder, on a random port of the loopback address."""

import base64
import hashlib
import hmac
import secrets
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import urllib3
from obstore.store import AzureStore

from devtools.third_party import azurite
from tests.support.object_server import ServerProcess, StoreServer

_VERSION = "2021-08-06"
"""Of the protocol."""


class AzureServer(StoreServer):
    """A storage account with one empty container; use it as a context manager."""

    scheme = "az"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        """Keep the blobs below a folder."""
        self.account, self.account_key = f"team{secrets.token_hex(4)}", _key()
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True)
        self._process = ServerProcess(address, folder / "log")

    @property
    def endpoint(self) -> str:
        """Return the address of the account; Azure's own have the account's name in the host's."""
        return f"{self._process.url}/{self.account}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what a Secret for this store holds."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": self.account_key,
            "AZURE_STORAGE_ENDPOINT": self.endpoint,
        }

    @property
    def connection(self) -> str:
        """Return the connection string that Azure's portal would show."""
        protocol = f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.account_key}"
        return f"{protocol};BlobEndpoint={self.endpoint};"

    @property
    def secret(self) -> str:
        """Return what nobody may be shown of it."""
        return self.account_key

    @property
    def wrong(self) -> tuple[str, str, str]:
        """Return a key of the Secret, what somebody else has there, and the store's own word for that."""
        # Azure says AuthenticationFailed.
        return "AZURE_STORAGE_ACCOUNT_KEY", _key(), "AuthorizationFailure"

    @property
    def absent(self) -> str:
        """Return the store's own word for a container that does not exist."""
        return "ContainerNotFound"

    @property
    def store(self) -> AzureStore:
        """Return a client of the container."""
        return AzureStore(
            self.bucket,
            account_name=self.account,
            account_key=self.account_key,
            endpoint=self.endpoint,
            client_options={"allow_http": True},
        )

    def shared_access(self, permissions: str) -> str:
        """Return a signature that gives an hour's access to the account's containers and blobs.

        Args:
            permissions: letters as Azure has them: `r` to read, `a`, `c` and `w` to write, `d` to delete, `l` to list.
        """
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {"sp": permissions, "ss": "b", "srt": "sco", "st": "", "se": until, "sip": "", "spr": "https,http"}
        text = "\n".join([self.account, *fields.values(), _VERSION, "", ""])
        digest = hmac.digest(base64.b64decode(self.account_key), text.encode(), hashlib.sha256)
        given = {name: value for name, value in fields.items() if value}
        return urlencode({**given, "sv": _VERSION, "sig": base64.b64encode(digest).decode()})

    def make_bucket(self, name: str) -> None:
        """Make another container."""
        address = f"{self.endpoint}/{name}?restype=container&{self.shared_access('cw')}"
        answer = urllib3.request("PUT", address, headers={"x-ms-version": _VERSION})
        assert answer.status == 201, answer.data

    def start(self) -> None:
        """Start the server, or start it again: its blobs are still there."""
        first = not any(self._blobs.iterdir())
        where = ["--blobHost", self._process.address, "--blobPort", str(self._process.port)]
        words: list[str | Path] = [*azurite(), *where, "--location", self._blobs, "--silent", "--disableTelemetry"]
        self._process.start(words, {"AZURITE_ACCOUNTS": f"{self.account}:{self.account_key}"})
        if first:
            self.make_bucket(self.bucket)

    def stop(self) -> None:
        """Stop the server; what is on its way to it is lost."""
        # It writes its list of blobs now and then, and at its end.
        self._process.end(signal.SIGTERM)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
