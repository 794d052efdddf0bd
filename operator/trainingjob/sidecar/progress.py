"""Lines that say how far a download is, at most one every ten seconds."""

import threading
import time
from typing import Final

_INTERVAL: Final = 10.0
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """What has arrived so far, counted by several threads."""

    def __init__(self, label: str, files: int, size: int) -> None:
        """Count up to so many files and bytes."""
        self._label = label
        self._all_files, self._all_bytes = files, size
        self._begun = self._told = time.monotonic()
        self._lock = threading.Lock()
        self.files = 0
        """How many are there as a whole."""
        self.bytes = 0
        """How many are there."""
        self.brought = 0
        """How many of the bytes were brought by this run."""

    def add(self, size: int) -> None:
        """Count bytes that have arrived; fewer than none when they have to be brought again."""
        with self._lock:
            self.bytes += size
            self.brought += size

    def skip_bytes(self, size: int) -> None:
        """Count bytes that were there before."""
        with self._lock:
            self.bytes += size

    def skip(self, size: int) -> None:
        """Count a file that was there before."""
        self.skip_bytes(size)
        self.count()

    def count(self) -> None:
        """Count a file that is whole."""
        with self._lock:
            self.files += 1

    def tell(self) -> None:
        """Print a line if the last one is ten seconds old."""
        if time.monotonic() - self._told >= _INTERVAL:
            self._told = time.monotonic()
            print(self._line(), flush=True)

    def finish(self) -> None:
        """Print the last line."""
        print(self._line(), flush=True)

    def _line(self) -> str:
        share = f" ({self.bytes * 100 // self._all_bytes} %)" if self._all_bytes else ""
        elapsed = time.monotonic() - self._begun
        there = f"{show_size(self.bytes)} of {show_size(self._all_bytes)}{share}"
        return f"{self._label}: {there}, {self.files} of {self._all_files} files, {elapsed:.0f} s"


def show_size(size: int) -> str:
    """Return bytes as people read them: `1.5 GiB`."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{size} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
