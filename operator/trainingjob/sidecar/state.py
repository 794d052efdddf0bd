"""What the uploading sidecar remembers across a restart of its container: what it has sent, and its last manifest."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from trainingjob.sidecar.scan import Stamp
from trainingjob.sidecar.transfer import Sent

_NAME: Final = "upload.jsonl"


@dataclass
class Written:
    """A manifest that is in the store."""

    number: int
    sha256: str
    files: int
    bytes: int
    complete: bool


@dataclass
class State:
    """The work of one pod's sidecar."""

    pod: str
    """The pod's uid."""
    uri: str = ""
    """The folder that was claimed; empty when none was."""
    written: Written | None = None
    """The newest manifest."""
    sent: dict[str, Sent] = field(default_factory=dict)


def load(folder: Path, pod: str) -> State:
    """Return what an earlier container of the same pod has done; nothing when that cannot be read or is another's."""
    try:
        with (folder / _NAME).open() as lines:
            head = json.loads(next(lines))
            if head["pod"] != pod:
                return State(pod)
            written = Written(**head["written"]) if head["written"] else None
            rows = (json.loads(line) for line in lines)
            sent = {path: Sent(Stamp(*stamp), bytes.fromhex(hexed), growing) for path, stamp, hexed, growing in rows}
            return State(pod, head["uri"], written, sent)
    except (OSError, ValueError, TypeError, KeyError, StopIteration):
        # It costs time to send everything again, and nothing else.
        return State(pod)


def save(folder: Path, state: State) -> None:
    """Keep the state; a container that is killed meanwhile finds the one before.

    Raises:
        OSError: when the volume does not take it.
    """
    part = folder / f"{_NAME}.part"
    with part.open("w") as file:
        written = asdict(state.written) if state.written else None
        print(json.dumps({"pod": state.pod, "uri": state.uri, "written": written}), file=file)
        for path, sent in state.sent.items():
            stamp = (sent.stamp.size, sent.stamp.mtime_ns, sent.stamp.inode)
            print(json.dumps([path, stamp, sent.digest.hex(), sent.growing]), file=file)
    part.replace(folder / _NAME)
