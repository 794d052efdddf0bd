"""Small builders of jobs with a strategy or a failure policy: the fields of their specs."""

from typing import Any

TRAIN = ["python", "train.py"]


def mpi(overrides: dict[str, Any] | None = None, command: list[str] | None = None, **block: Any) -> dict[str, Any]:
    """Return the fields of an MPI job that runs a program."""
    return {"mpi": block, "command": command or TRAIN, **({"overrides": overrides} if overrides else {})}


def elastic(fewest: int, most: int, **block: Any) -> dict[str, Any]:
    """Return the fields of an elastic PyTorch job that runs a program."""
    return {"torch": {"elastic": {"minNodes": fewest, "maxNodes": most}, **block}, "command": TRAIN}


def policy(action: str, **rule: Any) -> dict[str, Any]:
    """Return the fields of a job whose failure policy has one rule."""
    return {"failurePolicy": {"rules": [{"action": action, **rule}]}}
