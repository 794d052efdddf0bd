"""Why packages cannot be installed, and the words that say so."""

import re
from typing import List, Sequence

EXIT_REFUSED = 65
EXIT_UNAVAILABLE = 75
MAX_BYTES = 1024
"""What a termination message may have: the kubelet shares 12 KiB among the containers of a pod."""

_ERROR = re.compile(
    r"^\s*(ERROR|error|critical|fatal)\b|\b\w*(Error|Exception|InvalidChannel)\b:|\b40[13] (Client )?Error\b"
    r"|is not a trusted"
)
_ADVICE = re.compile(
    r"^\s*(note|hint|\[notice\]|(WARNING: )?You are using pip version|You should consider upgrading via)"
    r"|\[end of output\]|^\s*╰─> (from|See above)|metadata-generation-failed|Encountered error while"
    r"|ResolutionImpossible: for help|^\s*To fix this you could|^\s*\d\. (loosen|remove) "
    r"|^To search for alternate channels|^looking for, navigate to|^and use the search bar|^Elapsed: |^Next steps:$"
    r"|^\s*- \((review_|check_|update_)|^(Use `conda|and use `conda|Further configuration help)"
    r"|^\s*conda (config|update) |^You will need to (adjust|modify) your conda|^ {4}https?://[\w.]+$"
)
_NETWORK = re.compile(
    r"Max retries exceeded|Read timed out|ReadTimeoutError|NewConnectionError|ConnectionResetError|IncompleteRead"
    r"|ProtocolError|RemoteDisconnected|Temporary failure in name resolution|Name or service not known"
    r"|Could not resolve host|Failed to connect to|Connection (broken|refused|reset|timed out)"
    r"|ChunkedEncodingError|ChecksumMismatchError|Downloaded bytes did not match Content-Length"
    r"|File not valid: .* doesn't match expectation"
    r"|CONNECTION FAILED|HTTP (429|50[0234])\b|Download error|Timeout was reached|[Cc]ould not connect to server"
)
_FULL = re.compile(r"No space left on device|Disk quota exceeded")


class InstallationError(Exception):
    """The packages are not there; the text is for the user and holds no secret."""

    def __init__(self, message: str, code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.code = code


def last_words(lines: Sequence[str]) -> List[str]:
    """Return what a program's output says of its failure: all from the first error on, without general advice."""
    told = [line.rstrip() for line in lines if line.strip() and not _ADVICE.search(line)]
    first = next((number for number, line in enumerate(told) if _ERROR.search(line)), len(told) - 5)
    return told[max(first, 0) :]


def names_network(lines: Sequence[str], words: Sequence[str]) -> bool:
    """Say whether an output, or its last words, speak of a connection that failed in the end.

    A warning of a try that was repeated says nothing: the next one may have worked, unless it was the last.
    """
    gave_up = any("Retrying (Retry(total=0," in line for line in lines)
    return gave_up or any(_NETWORK.search(line) for line in words if "Retrying (Retry(" not in line)


def names_full_disk(words: Sequence[str]) -> bool:
    """Say whether last words speak of a volume without space."""
    return any(_FULL.search(line) for line in words)


def shorten(message: str) -> bytes:
    """Return the end of a message, as much of it as a termination message may have."""
    text = message.encode("utf-8", "replace")
    if len(text) <= MAX_BYTES:
        return text
    # A character that is cut in two would not be text any more.
    return "…".encode() + text[-(MAX_BYTES - 3) :].decode("utf-8", "ignore").encode()
