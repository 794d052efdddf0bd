"""What was written, by the API server's own record."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Written:
    """One write that an operator asked for."""

    verb: str
    resource: str
    subresource: str
    name: str
    code: int


def operator_writes(log: Path, namespace: str, *, skip: int = 0) -> Iterator[Written]:
    """Yield the writes of operators in a namespace, without the first `skip` bytes of the log."""
    with log.open("rb") as stream:
        stream.seek(skip)
        for line in stream:
            # The server may be writing the last line just now.
            if not line.endswith(b"\n") or namespace.encode() not in line:
                continue
            entry = json.loads(line)
            about = entry.get("objectRef", {})
            if entry["userAgent"].startswith("trainingjob-operator/") and about.get("namespace") == namespace:
                code = entry.get("responseStatus", {}).get("code", 0)
                yield Written(
                    entry["verb"], about["resource"], about.get("subresource", ""), about.get("name", ""), code
                )
