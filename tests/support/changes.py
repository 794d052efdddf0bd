"""Changes of stored jobs, and what the API server says to those that it refuses."""

import json
from typing import Any

from tests.support.user import User

FOR_EVER = "cannot change once the job exists; create the job under a new name"
WHILE_SUSPENDED = "can change only while the job is suspended and its phase is Suspended"


def change(user: User, name: str, **spec: Any) -> None:
    """Change fields of a job's spec as `kubectl patch` does; None takes a field away."""
    user.kubectl("patch", "tjob", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def write_status(user: User, name: str, **status: Any) -> None:
    """Write fields of a job's status as the operator does."""
    patch = json.dumps({"status": status})
    user.kubectl("patch", "tjob", name, "--subresource=status", "--type=merge", "-p", patch)
