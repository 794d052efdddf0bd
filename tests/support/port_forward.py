"""Reach a Service of a cluster from this machine, as people do."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.user import User


@contextmanager
def forwarded(user: User, service: str, port: int) -> Iterator[str]:
    """Forward a free port of the loopback address to a Service's, and give its address, with a `/` at the end.

    Raises:
        RuntimeError: when it does not come about.
    """
    command = ["kubectl", "--namespace", user.namespace, "port-forward", service, f":{port}"]
    process = subprocess.Popen(
        command, env=user.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        found = re.search(r"127\.0\.0\.1:(\d+) ->", line)
        if found is None:
            raise RuntimeError(f"The port is not forwarded: {line}")
        yield f"http://127.0.0.1:{found[1]}/"
    finally:
        process.kill()
        process.communicate()
