"""Write the manifests of an artifact, each with a number of its own, the newest with the highest."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from trainingjob.contract.manifest import manifest_name
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.scan import Problem
from trainingjob.sidecar.state import Written
from trainingjob.sidecar.targets import Target
from trainingjob.sidecar.transfer import Sent

MOST_PROBLEMS: Final = 1000
_KEPT: Final = 3
"""How many of the newest manifests stay: a reader may be reading the last but one."""


def render(sent: Mapping[str, Sent], problems: Sequence[Problem], created: datetime, *, complete: bool) -> bytes:
    """Return the bytes of a manifest: JSON, one file on each line."""
    head = {"v": 1, "complete": complete, "created": _time(created)}
    files = (_file_line(path, sent[path]) for path in sorted(sent))
    told = ({"path": problem.path, "problem": problem.text} for problem in problems[:MOST_PROBLEMS])
    text = json.dumps(head, indent=0)[:-2]
    return (
        f'{text},\n"files": [{_lines(files)}],\n"problems": [{_lines(json.dumps(row) for row in told)}]\n}}\n'.encode()
    )


async def write(
    target: Target,
    before: Written | None,
    sent: Mapping[str, Sent],
    problems: Sequence[Problem],
    created: datetime,
    *,
    complete: bool,
) -> Written:
    """Write the next manifest.

    Raises:
        RefusedError: when the store does not take it.
        UnavailableError: when the store does not answer.
    """
    content = render(sent, problems, created, complete=complete)
    number = before.number + 1 if before else 1
    while not await target.create(manifest_name(number), content):
        # Of this pod's own sidecar, which was killed before it could remember it.
        number += 1
    size = sum(one.stamp.size for one in sent.values())
    return Written(number, hashlib.sha256(content).hexdigest(), len(sent), size, complete)


async def prune(target: Target, newest: Written) -> None:
    """Remove the manifest that nobody reads any more, of a long run that writes one again and again."""
    if newest.number > _KEPT:
        # Not all credentials may remove something, and nothing depends on it.
        with suppress(RefusedError, UnavailableError):
            await target.delete([manifest_name(newest.number - _KEPT)])


def _file_line(path: str, sent: Sent) -> str:
    modified = datetime.fromtimestamp(sent.stamp.mtime_ns / 1e9, UTC)
    row = {"path": path, "size": sent.stamp.size, "sha256": sent.digest.hex(), "mtime": _time(modified)}
    return json.dumps({**row, "growing": True} if sent.growing else row)


def _lines(rows: Iterable[str]) -> str:
    joined = ",\n".join(rows)
    return f"\n{joined}\n" if joined else ""


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
