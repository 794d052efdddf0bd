"""Read the metrics that a program appends to a file, a JSON object on each line; believe nothing of it."""

import json
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from trainingjob.contract.report import MAX_METRICS, Metric
from trainingjob.sidecar.scan import open_beneath

_MOST: Final = 4 * 2**20
"""Bytes that are read at a time; of a longer text only the end, where the newest values are."""
_LONGEST_LINE: Final = 4096


class MetricsFile:
    """The newest value of each metric in a file, and how many of its lines were of no use."""

    def __init__(self, workspace: Path, path: str) -> None:
        """Read a file of the workspace, which need not be there yet."""
        self._workspace, self._path = workspace, path
        self._inode, self._offset, self._rest = 0, 0, b""
        self._newest: dict[str, Metric] = {}
        self.refused = 0

    @property
    def newest(self) -> tuple[Metric, ...]:
        """Return the newest values in the order of their names."""
        # Another thread may ask while a line is taken in.
        return tuple(sorted(self._newest.copy().values(), key=lambda metric: metric.name))

    def read(self, *, last: bool = False) -> None:
        """Take in what has been written since the last time.

        Args:
            last: whether nobody writes any more, so that a line without an end is one.
        """
        try:
            descriptor = open_beneath(self._workspace, self._path)
        except OSError:
            return
        try:
            text = self._rest + self._read_on(descriptor)
        except OSError:
            return
        finally:
            os.close(descriptor)
        *lines, self._rest = text.split(b"\n")
        if last:
            lines, self._rest = [*lines, self._rest], b""
        elif len(self._rest) > _LONGEST_LINE:
            # One byte too many says that it was too long, without all of it being kept.
            self._rest = self._rest[: _LONGEST_LINE + 1]
        for line in lines:
            self._take(line)

    def _read_on(self, descriptor: int) -> bytes:
        found = os.fstat(descriptor)
        if found.st_ino != self._inode or found.st_size < self._offset:
            self._inode, self._offset, self._rest = found.st_ino, 0, b""
        skipped = found.st_size - self._offset > _MOST
        if skipped:
            self._offset, self._rest = found.st_size - _MOST, b""
        content = os.pread(descriptor, _MOST, self._offset)
        self._offset += len(content)
        # What stands before the first end of a line belongs to one that was not read from its beginning.
        return content.partition(b"\n")[2] if skipped else content

    def _take(self, line: bytes) -> None:
        line = line.strip()
        if not line:
            return
        metric = _parse(line)
        if metric is None or (metric.name not in self._newest and len(self._newest) >= MAX_METRICS):
            self.refused += 1
        else:
            self._newest[metric.name] = metric


def _parse(line: bytes) -> Metric | None:
    if len(line) > _LONGEST_LINE:
        return None
    try:
        given = json.loads(line)
        if not isinstance(given, dict):
            return None
        # Further keys are the program's own: a time, a phase.
        known = {name: given[name] for name in Metric.model_fields if name in given}
        return Metric.model_validate(known, strict=True)
    except (ValueError, ValidationError, RecursionError):
        return None
