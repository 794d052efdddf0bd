"""Claim a folder of the store for one pod, so that a pod of a lost node never writes into its successor's artifact."""

import json
from collections.abc import Callable
from typing import Final

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.targets import Target

OWNER: Final = "owner.json"
_MOST: Final = 100
"""How many pods of one replica and attempt there can have been; far more than ever happens."""


async def claim(prefix: str, pod: str, opened: Callable[[str], Target]) -> Target:
    """Return the first folder of `prefix`, `prefix.1`, … that is free or that this pod has claimed before.

    Args:
        prefix: the address of the folder.
        pod: the pod's uid.
        opened: opens a folder.

    Raises:
        RefusedError: when the store does not allow it.
        UnavailableError: when it does not answer.
    """
    content = json.dumps({"pod": pod}).encode()
    for number in range(_MOST):
        target = opened(f"{prefix}.{number}" if number else prefix)
        if await target.create(OWNER, content):
            return target
    raise RefusedError(f"{prefix} and {_MOST - 1} folders beside it belong to other pods.")
