"""Where the tools keep what is dear to build: outside the checkout, one folder for every clone."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def cache_root() -> Path:
    """Return the cache folder: `TRAININGJOB_CACHE`, else `trainingjob` in the user's own cache folder."""
    if chosen := os.environ.get("TRAININGJOB_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "trainingjob"
