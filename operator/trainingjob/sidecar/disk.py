"""What containers of ours have to mind when they fill a volume: other users, and its end."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from trainingjob.sidecar.errors import RefusedError


@contextmanager
def room_for(what: str) -> Iterator[None]:
    """Turn the system's errors for a full volume into a RefusedError: `what` "does not fit"."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RefusedError(f"{what} does not fit: no space is left in the pod's volume.") from error
        raise


@contextmanager
def writable_for_all() -> Iterator[None]:
    """Let every user write what is made meanwhile: the training image may have another one."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)
