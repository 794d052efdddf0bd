"""Install the packages of a training job: started by the script `install-packages` with the image's Python."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Optional

from .failures import EXIT_UNAVAILABLE, InstallationError, shorten
from .installation import install
from .task import VARIABLE, Task

TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    """Install, and return the exit code of the container; why it failed is also its termination message."""
    # A process without a handler that is the first of its container would not hear the signal at all.
    signal.signal(signal.SIGTERM, _stop)
    # The program may run as another user than this.
    os.umask(0)
    try:
        install(Task.read(os.environ[VARIABLE]), Path(__file__).resolve().parent.parent, os.environ)
    except InstallationError as error:
        return _fail(str(error), error.code)
    except OSError as error:
        return _fail(f"The environment for the packages cannot be written: {error}", EXIT_UNAVAILABLE)
    return 0


def _stop(number: int, _: Optional[FrameType]) -> None:
    sys.exit(128 + number)


def _fail(message: str, code: int) -> int:
    sys.stderr.buffer.write(message.encode("utf-8", "replace") + b"\n")
    sys.stderr.buffer.flush()
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_bytes(shorten(message))
    return code


if __name__ == "__main__":
    sys.exit(main())
