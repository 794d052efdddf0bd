"""See how the processes of a cluster are, and wait until they are well."""

import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.components import Component
from devtools.cluster.errors import ClusterError
from devtools.cluster.processes import Running, read
from devtools.cluster.state import State

_TAIL_LINES = 15
_PAUSE = 0.05


@dataclass(frozen=True)
class Condition:
    """How one component is.

    Attributes:
        pid: of its process; None when it does not run.
        problem: why it is not well; empty when it is.
    """

    component: str
    pid: int | None
    problem: str
    health: str


def pid_file(state: State, name: str) -> Path:
    """Return the file that remembers a component's process."""
    return state.directory / "pids" / f"{name}.json"


def running(state: State, name: str) -> Running | None:
    """Return a component's process, None when it does not run."""
    process = read(pid_file(state, name))
    return process if process is not None and process.alive() else None


def examine(state: State, component: Component, timeout: float = 2.0) -> Condition:
    """Return how a component is at this moment.

    Args:
        timeout: seconds to wait for the answer to its health check.
    """
    process = running(state, component.name)
    if process is None:
        return Condition(component.name, None, "does not run", component.health)
    return Condition(component.name, process.pid, _ask(component.health, timeout), component.health)


def wait_until_well(state: State, components: Iterable[Component], seconds: float) -> None:
    """Wait until every component is well.

    Raises:
        ClusterError: when one of them ends, or is not well in time; the message shows the end of its log.
    """
    deadline = time.monotonic() + seconds
    for component in components:
        while (condition := examine(state, component)).problem:
            if condition.pid is None:
                raise ClusterError(f"{component.name} ended.{log_tail(state, component.name)}")
            if time.monotonic() > deadline:
                late = f"{component.name} was not well after {seconds:.0f} s: {condition.problem}"
                raise ClusterError(late + log_tail(state, component.name))
            time.sleep(_PAUSE)


def wait_for(what: str, test: Callable[[], bool], seconds: float) -> None:
    """Wait until a test holds; one that cannot reach the API server does not hold yet.

    Raises:
        ClusterError: when it does not in time.
    """
    deadline = time.monotonic() + seconds
    while not _holds(test):
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:.0f} s.")
        time.sleep(_PAUSE)


def log_tail(state: State, name: str) -> str:
    """Return the end of a component's log behind a line that names the file."""
    log = state.log(name)
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"\nThe last lines of {log}:", *(f"  {line}" for line in lines)])


def _holds(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:
        return False


def _ask(health: str, timeout: float) -> str:
    if not health:
        return ""
    try:
        if health.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(timeout)
                probe.connect(health)
            return ""
        # Only whether it is well is asked; whose certificate it shows does not matter for that.
        context = ssl._create_unverified_context()  # noqa: S323
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(health, timeout=timeout):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"{health} answers {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return f"{health}: {error}"
