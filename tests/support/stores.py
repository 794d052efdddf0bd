"""The kinds of stores of which tests start servers."""

from collections.abc import Mapping

import pytest

from tests.support.azure_store import AzureServer
from tests.support.google_store import GoogleServer
from tests.support.object_server import StoreServer
from tests.support.object_store import ObjectServer

STORES: Mapping[str, type[StoreServer]] = {"s3": ObjectServer, "gs": GoogleServer, "az": AzureServer}
"""Scheme → server; each is made with a folder of its own."""

each_store = pytest.mark.parametrize("server", STORES, indirect=True)
"""Runs a test with a server of each kind; without it the fixture `server` is `of_kind`'s default."""


def of_kind(request: pytest.FixtureRequest) -> type[StoreServer]:
    """Return the kind of server that a test wants: S3 where it does not say."""
    return STORES[getattr(request, "param", "s3")]
