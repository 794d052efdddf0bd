"""What a container of ours leaves behind for the operator: its termination message."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainingjob.contract import names

_MOST: Final = 1024
"""The kubelet shares 12 KiB among the containers of a pod."""


def leave_message(answer: Mapping[str, object]) -> None:
    """Write an answer as JSON to where the kubelet looks for it; without a kubelet nothing is written."""
    leave_text(json.dumps(answer, separators=(",", ":")))


def leave_text(text: str, most: int = _MOST) -> None:
    """Write a text of so many bytes at most to where the kubelet looks for it."""
    log = Path(os.environ.get(names.TERMINATION_LOG_VARIABLE) or names.TERMINATION_LOG)
    if log.exists():
        log.write_bytes(text.encode()[:most])
