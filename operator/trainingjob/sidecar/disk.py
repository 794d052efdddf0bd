"""A full volume, said clearly."""

import errno
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
