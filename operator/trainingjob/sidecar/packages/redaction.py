"""Keep passwords out of the log: pip hides most of them, not all, and builds print what they like."""

import re
from typing import Iterable, List
from urllib.parse import unquote

_USER_INFO = re.compile(r"(?<=://)[^/\s'\"]+@")
"""Up to the last @: a password may have one that nobody has escaped."""
_TOKEN = re.compile(r"(?<=/t/)[^/\s'\"]+")
"""How a channel of conda has its token in its address."""
_NETRC_PASSWORD = re.compile(r"\bpassword\s+(\S+)")
_MIN_LENGTH = 4
"""Shorter ones are parts of ordinary words: hiding them would show them."""

HIDDEN = "****"


def secrets_in(text: str) -> List[str]:
    """Return what a URL, a configuration of pip, a list of channels or a netrc holds that nobody may read."""
    found = [*_NETRC_PASSWORD.findall(text), *_TOKEN.findall(text)]
    for match in _USER_INFO.findall(text):
        user, colon, password = match[:-1].partition(":")
        # A user without a password is a token.
        found.append(password if colon and password else user)
    return [form for secret in found for form in (secret, unquote(secret))]


class Redaction:
    """Hides secrets in lines of text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: one may be a part of another.
        self._secrets = sorted({s for s in secrets if len(s) >= _MIN_LENGTH}, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """Return a text without the secrets and without the user of any URL."""
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return _USER_INFO.sub(HIDDEN + "@", line)
