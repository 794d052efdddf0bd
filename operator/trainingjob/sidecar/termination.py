"""A container's last words: what the kubelet shows as its termination message."""

import os
from pathlib import Path
from typing import Final

from trainingjob.contract import names

_MOST: Final = 1024
"""The kubelet shares 12 KiB among the containers of a pod."""


def leave_message(message: str, most: int = _MOST) -> None:
    """Write the container's termination message, of so many bytes at most, where there is a place for it."""
    log = Path(os.environ.get(names.TERMINATION_LOG_VARIABLE) or names.TERMINATION_LOG)
    if log.exists():
        log.write_bytes(message.encode()[:most])
