"""The command of every container of ours: `python -m trainingjob.sidecar <container>`, its task in the environment."""

import importlib
import os
import signal
import sys
from typing import Final

from trainingjob.contract import names
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.termination import leave_text

_MODULES: Final = {
    names.FETCH_SOURCE: "trainingjob.sidecar.source",
    names.COPY_TOOLS: "trainingjob.sidecar.tools",
    names.DOWNLOAD_INPUTS: "trainingjob.sidecar.inputs",
    names.RESTORE_ARTIFACT: "trainingjob.sidecar.restore",
    names.UPLOAD_ARTIFACTS: "trainingjob.sidecar.upload",
    names.MIRROR_EVENTS: "trainingjob.sidecar.mirror",
}
"""Container → the module whose `run(task)` does its work; only that one is imported: memory is short."""


def main() -> int:
    """Do the work of one container and return its exit code; why it failed is also its termination message."""
    if sys.argv[1] == names.UPLOAD_ARTIFACTS:
        # The program may end while this one is still being loaded; its end is not to pass unheard.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        module = importlib.import_module(_MODULES[sys.argv[1]])
        module.run(os.environ[names.TASK_VARIABLE])
    except RefusedError as error:
        return _fail(str(error), names.EXIT_REFUSED)
    except UnavailableError as error:
        return _fail(str(error), names.EXIT_UNAVAILABLE)
    return 0


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr, flush=True)
    leave_text(message)
    return code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The threads of the stores' library may be at work while the interpreter is taken down, and abort the process:
    # of 60 sidecars that had done their work 5 ended with SIGABRT.
    os._exit(code)
