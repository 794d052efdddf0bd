"""The files that hold a copy of what a program prints: how long they get, how many stay, what is said of gaps."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from trainingjob.sidecar.capture import record
from trainingjob.sidecar.capture.record import Record


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the copy looks at."""
    made = Clock()
    monkeypatch.setattr(record, "time", made)
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_short_copy_is_one_file(tmp_path: Path) -> None:
    copy = Record(str(tmp_path / "logs" / "out.log"))
    for text in (b"a\n", b"", b"b"):
        copy.write(text)
    copy.close()
    assert files(tmp_path / "logs") == {"out.log": b"a\nb"}


def test_program_that_prints_nothing_leaves_no_file(tmp_path: Path) -> None:
    copy = Record(str(tmp_path / "out.log"))
    copy.write(b"")
    copy.close()
    assert files(tmp_path) == {}


def test_long_copy_is_several_files_of_which_the_first_and_the_newest_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "SEGMENT_BYTES", 10)
    monkeypatch.setattr(record, "KEPT_SEGMENTS", 3)
    copy = Record(str(tmp_path / "out.log"))
    copy.write(b"0123456789abcde")
    assert files(tmp_path) == {"out.log": b"0123456789", "out-2.log": b"abcde"}
    copy.write(b"fghij" + b"k" * 10)
    assert files(tmp_path).keys() == {"out.log", "out-2.log", "out-3.log"}
    copy.write(b"lm")
    assert files(tmp_path) == {"out.log": b"0123456789", "out-3.log": b"k" * 10, "out-4.log": b"lm"}
    copy.close()


def test_file_that_is_there_before_is_continued(tmp_path: Path) -> None:
    (tmp_path / "out.log").write_text("of the source\n")
    copy = Record(str(tmp_path / "out.log"))
    copy.write(b"x")
    copy.close()
    assert files(tmp_path) == {"out.log": b"of the source\nx"}


def test_full_disk_is_told_where_something_is_missing_as_soon_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    room, write = [3], os.write

    def limited(descriptor: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(descriptor, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", limited)
    copy = Record(str(tmp_path / "out.log"))
    copy.write(b"abcdef")
    room[0] = 1000
    copy.write(b"ghi")
    # It is not tried each time: whoever waits for a disk waits long.
    assert files(tmp_path) == {"out.log": b"abc"}
    clock.now += 1
    copy.write(b"jkl")
    told = b"\n[trainingjob: 6 bytes are missing here: No space left on device]\n"
    assert files(tmp_path) == {"out.log": b"abc" + told + b"jkl"}


@pytest.mark.usefixtures("clock")
def test_gap_at_the_end_is_told_when_there_is_room_by_then(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    copy = Record(str(tmp_path / "logs" / "out.log"))
    copy.write(b"abc")
    (tmp_path / "logs").unlink()
    copy.close()
    assert files(tmp_path / "logs") == {"out.log": b"\n[trainingjob: 3 bytes are missing here: File exists]\n"}


@pytest.mark.parametrize("taken", ["removed", "replaced"])
def test_file_that_is_taken_away_is_made_anew(tmp_path: Path, clock: Clock, taken: str) -> None:
    copy = Record(str(tmp_path / "out.log"))
    copy.write(b"a")
    (tmp_path / "out.log").unlink()
    if taken == "replaced":
        (tmp_path / "out.log").write_text("another\n")
    clock.now += 1
    copy.write(b"b")
    copy.close()
    assert files(tmp_path) == {"out.log": b"another\nb" if taken == "replaced" else b"b"}
