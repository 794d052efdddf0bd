"""Which of the files that a scan found are sent now, while the program still writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trainingjob.sidecar.scan import Found, Stamp
from trainingjob.sidecar.transfer import Sent

_SMALL: Final = 2**20
_GROWING_BYTES_PER_SECOND: Final = 2 * 2**20
"""What a growing file may cost on average: it is sent as a whole each time, the larger the less often."""
_SCANS: Final = 3
"""How often a large file has to be seen growing: a checkpoint is likely to be finished by then, a log is not."""


@dataclass(frozen=True)
class Choice:
    """A file to send, and whether it is still growing."""

    found: Found
    growing: bool


@dataclass
class _Seen:
    stamp: Stamp
    growths: int = 0
    """How many scans in a row have found it longer than before."""


@dataclass
class Chooser:
    """Remembers earlier scans: what rests is sent, what grows is sent now and then, what changes otherwise waits."""

    _seen: dict[str, _Seen] = field(default_factory=dict)
    _sent_at: dict[str, float] = field(default_factory=dict)

    def choose(self, files: Mapping[str, Found], sent: Mapping[str, Sent], now: float) -> list[Choice]:
        """Return what to send, files that are new in the store first.

        Args:
            files: what the newest scan has found.
            sent: what is in the store.
            now: seconds of a clock that never goes back.
        """
        self._sent_at = {path: at for path, at in self._sent_at.items() if path in files}
        self._seen = {path: self._compare(self._seen.get(path), found.stamp) for path, found in files.items()}
        due = [choice for found in files.values() if (choice := self._due(found, sent.get(found.path), now))]
        for choice in due:
            if choice.growing:
                self._sent_at[choice.found.path] = now
        # What replaces a file breaks the newest manifest until the next one: as shortly before that as can be.
        return sorted(due, key=lambda choice: (choice.found.path in sent, choice.found.path))

    @staticmethod
    def _compare(before: _Seen | None, stamp: Stamp) -> _Seen:
        if before is None:
            return _Seen(stamp)
        if before.stamp == stamp:
            return _Seen(stamp, -1)
        grown = stamp.inode == before.stamp.inode and stamp.size > before.stamp.size
        return _Seen(stamp, max(before.growths, 0) + 1 if grown else 0)

    def _due(self, found: Found, sent: Sent | None, now: float) -> Choice | None:
        if sent is not None and sent.stamp == found.stamp:
            return None
        growths, size = self._seen[found.path].growths, found.stamp.size
        if growths < 0:
            return Choice(found, growing=False)
        enough = growths >= (1 if size <= _SMALL else _SCANS)
        at = self._sent_at.get(found.path)
        rested = at is None or now - at >= size / _GROWING_BYTES_PER_SECOND
        return Choice(found, growing=True) if enough and rested else None
