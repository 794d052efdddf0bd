"""What no channel of conda may show: who writes a job, or a file of its source, is not the only one who reads it."""

from typing import Final

GUARDED_CHANNEL: Final = r"\S@|/t/[^/]|://\S*\?"
"""A user, a token or a query in the address of a channel that a package names: `https://user:word@host/ours::numpy`.

The API server reads it as well, so that it is written in what RE2 and Python share.
"""
