"""Every version of the pods of a namespace, as a watch of kubectl's tells them."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.user import User

Body = dict[str, Any]


class PodWatch:
    """Reads what the watch has written so far."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def versions(self, name: str) -> list[Body]:
        """Return the stored versions of a pod in their order."""
        return [found["object"] for found in self._events() if found["object"]["metadata"]["name"] == name]

    def gone(self, name: str) -> bool:
        """Say whether the pod was removed."""
        events = [found["type"] for found in self._events() if found["object"]["metadata"]["name"] == name]
        return bool(events) and events[-1] == "DELETED"

    def wait_for(self, name: str, good: Callable[[Body], bool], seconds: float = 60) -> Body:
        """Wait until one of a pod's versions is good and return it.

        Raises:
            TimeoutError: when none is in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            for version in self.versions(name):
                if good(version):
                    return version
            if time.monotonic() > deadline:
                raise TimeoutError(f"pod {name} did not get there: {self.versions(name)[-1:]}")
            time.sleep(0.2)

    def _events(self) -> Iterator[Body]:
        text, decoder, at = self._file.read_text(), json.JSONDecoder(), 0
        while at < len(text):
            try:
                event, at = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                return  # its end is still being written
            at = len(text) - len(text[at:].lstrip())
            yield event


@contextmanager
def watch_pods(user: User, folder: Path) -> Iterator[PodWatch]:
    """Watch the pods of a person's namespace."""
    file = folder / "pods.json"
    command = ["kubectl", "-n", user.namespace, "get", "pods", "--watch", "--output-watch-events", "-o", "json"]
    with file.open("wb") as stream:
        process = subprocess.Popen(command, env=user.environment, stdout=stream)
    try:
        yield PodWatch(file)
    finally:
        process.terminate()
        process.wait()
