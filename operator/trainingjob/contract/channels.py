"""What no channel of conda may show: who writes a job, or a file of its source, is not the only one who reads it."""

from typing import Final

GUARDED_ADDRESS: Final = r"\S@|/t/[^/]|://\S*[?#]"
"""A user, a token or a query in an address, also where a package names it: `https://user:word@host/ours::numpy`.

The API server reads it as well, so that it is written in what RE2 and Python share.
"""
