"""The changes of several watches in the one order that the API server has made them in."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any


class Merge:
    """Brings the events of one watch for each kind of objects into the order of their resource versions.

    An event is held back until every other watch has shown that it is as far, by an event or a bookmark of its own.
    """

    def __init__(self, resources: Iterable[str]) -> None:
        self._reached = dict.fromkeys(resources, 0)
        self._held: list[tuple[int, int, str, str, Mapping[str, Any]]] = []
        self._count = 0

    def add(self, resource: str, event: Mapping[str, Any]) -> None:
        """Take an event of a watch as it came, a bookmark too.

        Raises:
            ValueError: when the watch has ended with an error, so that changes are missing.
        """
        kind, body = event["type"], event["object"]
        if kind == "ERROR":
            raise ValueError(f"The watch of {resource} has ended: {body.get('message')}")
        version = int(body["metadata"]["resourceVersion"])
        self._reached[resource] = max(version, self._reached[resource])
        if kind != "BOOKMARK":
            self._count += 1
            heappush(self._held, (version, self._count, kind, resource, body))

    def ready(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield kind, resource and body of the changes that nothing earlier can precede any more."""
        far = min(self._reached.values())
        while self._held and self._held[0][0] <= far:
            yield self._pop()

    def rest(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield what is left: for when everything has come to rest and every watch has shown it."""
        while self._held:
            yield self._pop()

    def _pop(self) -> tuple[str, str, Mapping[str, Any]]:
        _, _, kind, resource, body = heappop(self._held)
        return kind, resource, body
