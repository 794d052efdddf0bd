"""A small client of the API server for what the tool itself does: ask, create, patch, delete."""

import base64
import http.client
import json
import re
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Body = Mapping[str, object]


class ApiError(Exception):
    """The server refused a request; `status` is its HTTP status and the message its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """Requests to one API server over one connection, with the identity of a kubeconfig that this tool wrote."""

    def __init__(self, kubeconfig: Path, agent: str = "trainingjob-cluster") -> None:
        """Read the kubeconfig; nothing is sent yet."""
        text = kubeconfig.read_text()
        address = urlsplit(_value(text, "server"))
        context = ssl.create_default_context(cadata=_decoded(text, "certificate-authority-data"))
        with tempfile.NamedTemporaryFile("w") as pair:  # made for its owner only
            pair.write(_decoded(text, "client-certificate-data") + _decoded(text, "client-key-data"))
            pair.flush()
            context.load_cert_chain(pair.name)
        self._agent = agent
        self._connection = http.client.HTTPSConnection(
            address.hostname or "", address.port or 443, context=context, timeout=10
        )

    def get(self, path: str) -> dict[str, Any]:
        """Return an object or a list."""
        found: dict[str, Any] = json.loads(self.text("GET", path))
        return found

    def create(self, path: str, body: Body) -> None:
        """Create an object; one that exists already is left as it is."""
        try:
            self.text("POST", path, body)
        except ApiError as error:
            if error.status != http.client.CONFLICT:
                raise

    def patch(self, path: str, body: Body) -> None:
        """Change the named fields of an object and leave the others."""
        self.text("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is fine."""
        try:
            self.text("DELETE", path)
        except ApiError as error:
            if error.status != http.client.NOT_FOUND:
                raise

    def text(self, verb: str, path: str, body: Body | None = None, kind: str = "application/json") -> str:
        """Send a request and return what the server answers.

        Raises:
            ApiError: when it answers with another status than 2xx.
            OSError: when it cannot be reached.
        """
        headers = {"User-Agent": self._agent, "Content-Type": kind, "Accept": "application/json"}
        try:
            self._connection.request(verb, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            text = answer.read().decode(errors="replace")
        except http.client.HTTPException as error:
            self._connection.close()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except OSError:
            self._connection.close()
            raise
        if not 200 <= answer.status < 300:
            raise ApiError(answer.status, _message(text))
        return text

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500]


def _value(text: str, key: str) -> str:
    found = re.search(rf"(?m)^\s+{key}: (\S+)$", text)
    return found[1] if found else ""


def _decoded(text: str, key: str) -> str:
    return base64.b64decode(_value(text, key)).decode()
