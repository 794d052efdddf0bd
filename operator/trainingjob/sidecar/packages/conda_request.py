"""What conda is to install, as the container copy-tools has left it among the tools."""

import json
from pathlib import Path
from typing import List, NamedTuple, Optional

FILE = "conda.json"


class CondaRequest(NamedTuple):
    """Words for conda, and what the list of pip in its file asks for afterwards."""

    packages: List[str]
    channels: List[str]
    pip: List[str]
    pip_files: List[str]
    """Relative to the workspace."""


def read_conda_request(tools: Path) -> Optional[CondaRequest]:
    """Return what conda is to install, None where nothing is asked of it."""
    file = tools / FILE
    return CondaRequest(**json.loads(file.read_text())) if file.is_file() else None
