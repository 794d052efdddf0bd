"""Event files are copied from a store into a folder in which TensorBoard sees them grow."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.hostile_archives import laid_out
from trainingjob.contract.tasks import MirrorEvents
from trainingjob.sidecar import event_files, local_copy
from trainingjob.sidecar.errors import UnavailableError
from trainingjob.sidecar.event_files import is_safe
from trainingjob.sidecar.mirror import Mirror
from trainingjob.sidecar.remotes import open_remote

EVENTS = "events.out.tfevents.1700000000.mnist-worker-0.1.0.v2"


class Place:
    """A job's folder in a claim, and the copy beside a TensorBoard."""

    def __init__(self, folder: Path, **task: Any) -> None:
        self.store, self.copy = folder / "store" / "uid", folder / "copy"
        self.copy.mkdir()
        fields = {"stream": ("logs",), "interval_seconds": 1, "max_bytes": 10**6, **task}
        self.mirror = Mirror(MirrorEvents(prefix=f"file://{self.store}", target=str(self.copy), **fields))
        self.clock = 1_700_000_000

    def keep(self, path: str, content: bytes) -> Path:
        """Put a file into the store as the uploading sidecar does: in the place of an earlier one."""
        file = self.store / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name("new")
        new.write_bytes(content)
        self.clock += 1
        os.utime(new, (self.clock, self.clock))
        new.rename(file)
        return file

    def look(self) -> dict[str, bytes]:
        """Look at the store once and return the files of the copy."""
        self.mirror.refresh()
        return {path: content for path, content in laid_out(self.copy).items() if isinstance(content, bytes)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_event_files_of_every_attempt_and_replica_stand_as_they_do_in_the_store(place: Place) -> None:
    wanted = [
        f"0/worker-0/logs/{EVENTS}",
        f"0/worker-0.1/logs/train/{EVENTS}",
        f"1/chief-0/logs/{EVENTS}",
        "1/chief-0/logs/plugins/profile/1/host.xplane.pb",
        "1/chief-0/logs/projector_config.pbtxt",
        "1/chief-0/logs/00001/default/tensors.tsv",
    ]
    others = [
        "0/worker-0/logs/train.log",
        f"0/worker-0/outputs/{EVENTS}",
        f"0/worker-0/{EVENTS}",
        f"notes/worker-0/logs/{EVENTS}",
        f"0/other/logs/{EVENTS}",
        "0/worker-0/manifest-000001.json",
    ]
    for path in (*wanted, *others):
        place.keep(path, path.encode())
    assert place.look() == {path: path.encode() for path in wanted}


def test_store_without_the_job_is_looked_at_again(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.look() == {}
    place.keep("0/worker-0/outputs/model", b"m")
    assert place.look() == {}
    assert capsys.readouterr().out == ""
    place.keep(f"0/worker-0/logs/{EVENTS}", b"e")
    assert len(place.look()) == 1


def test_file_that_grows_is_appended_to_for_whoever_has_it_open(place: Place) -> None:
    path = f"0/worker-0/logs/{EVENTS}"
    place.keep(path, b"first")
    place.look()
    with (place.copy / path).open("rb") as reader:
        assert reader.read() == b"first"
        for content, new in ((b"first, second", b", second"), (b"first, second, third", b", third")):
            place.keep(path, content)
            place.look()
            assert reader.read() == new


def test_file_that_is_empty_at_first_grows_as_well(place: Place) -> None:
    path = f"0/worker-0/logs/{EVENTS}"
    place.keep(path, b"")
    assert place.look() == {path: b""}
    with (place.copy / path).open("rb") as reader:
        place.keep(path, b"first")
        place.look()
        assert reader.read() == b"first"


def test_another_file_of_the_same_name_takes_the_place_of_the_first(place: Place) -> None:
    path = f"0/worker-0/logs/{EVENTS}"
    for content in (b"first and long", b"other and much longer", b"short", b"equal"):
        place.keep(path, content)
        assert place.look() == {path: content}


def test_file_of_a_plugin_is_never_appended_to(place: Place) -> None:
    path = "0/worker-0/logs/projector_config.pbtxt"
    place.keep(path, b"a")
    place.look()
    with (place.copy / path).open("rb") as reader:
        place.keep(path, b"ab")
        assert place.look() == {path: b"ab"}
        assert reader.read() == b"a"


def test_copy_that_was_left_half_written_is_completed(place: Place) -> None:
    path = f"0/worker-0/logs/{EVENTS}"
    place.keep(path, b"0123456789")
    (place.copy / path).parent.mkdir(parents=True)
    (place.copy / path).write_bytes(b"0123")
    assert place.look() == {path: b"0123456789"}


def test_what_has_not_changed_is_not_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.keep(f"0/worker-0/logs/{EVENTS}", b"e")
    kept = place.look()
    monkeypatch.setattr(local_copy, "_write", None)
    assert place.look() == kept


@pytest.mark.parametrize("limits", [{"max_bytes": 25}, {"max_files": 2}])
def test_beyond_the_limits_the_newest_attempts_are_shown_and_it_is_said_once(
    tmp_path: Path, limits: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, **limits)
    for attempt in (8, 9, 10):
        place.keep(f"{attempt}/worker-0/logs/{EVENTS}", b"x" * 10)
    assert {path.split("/")[0] for path in place.look()} == {"9", "10"}
    place.look()
    said = capsys.readouterr().out
    assert said.count("Not all files are shown") == 1
    assert f"the newest attempts first. Left out: 8/worker-0/logs/{EVENTS}." in said


def test_what_is_left_out_takes_no_room_and_four_files_are_told_by_three_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, max_bytes=1000)
    for attempt in range(5):
        place.keep(f"{attempt}/worker-0/logs/{EVENTS}", bytes(900))
        assert list(place.look()) == [f"{attempt}/worker-0/logs/{EVENTS}"]
    assert capsys.readouterr().out.rstrip().endswith(f"2/worker-0/logs/{EVENTS}, 1/worker-0/logs/{EVENTS} and 1 more.")


def test_file_that_outgrows_the_room_is_removed_and_another_one_takes_it(tmp_path: Path) -> None:
    place = Place(tmp_path, max_bytes=1000)
    place.keep(f"0/worker-0/logs/{EVENTS}", bytes(600))
    place.keep(f"1/worker-0/logs/{EVENTS}", bytes(600))
    assert list(place.look()) == [f"1/worker-0/logs/{EVENTS}"]
    place.keep(f"1/worker-0/logs/{EVENTS}", bytes(1001))
    assert list(place.look()) == [f"0/worker-0/logs/{EVENTS}"]


def test_what_has_gone_from_the_store_goes_from_the_copy(place: Place) -> None:
    gone = place.keep(f"0/worker-0/logs/train/{EVENTS}", b"e")
    place.keep(f"0/worker-0/logs/{EVENTS}", b"e")
    place.look()
    gone.unlink()
    assert list(place.look()) == [f"0/worker-0/logs/{EVENTS}"]
    assert not (place.copy / "0/worker-0/logs/train").exists()


@pytest.mark.parametrize("hidden", ["", "0", "0/worker-0/logs"])
def test_what_the_store_does_not_show_for_a_moment_stays_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    place = Place(tmp_path, max_bytes=25)
    place.keep(f"0/worker-0/logs/{EVENTS}", bytes(10))
    assert len(place.look()) == 1
    unread = f"file://{place.store}/{hidden}".rstrip("/") + "/"

    def open_or_fail(uri: str, credentials: str) -> Any:
        if uri == unread:
            raise UnavailableError("The store does not answer.")
        return open_remote(uri, credentials)

    monkeypatch.setattr(event_files, "open_remote", open_or_fail)
    assert list(place.look()) == [f"0/worker-0/logs/{EVENTS}"]
    for attempt, shown in ((1, {"0", "1"}), (2, {"1", "2"})):
        place.keep(f"{attempt}/worker-0/logs/{EVENTS}", bytes(10))
        assert {path.split("/")[0] for path in place.look()} == (shown if hidden else {"0"})


def test_link_pipe_and_unreadable_folder_hide_nothing_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    secret = place.store.parent / "secret"
    place.keep(f"0/worker-0/logs/{EVENTS}", b"e")
    secret.write_bytes(b"secret")
    (place.store / f"0/worker-0/logs/link.{EVENTS}").symlink_to(f"./{EVENTS}")
    (place.store / "0/worker-1/logs").mkdir(parents=True)
    (place.store / f"0/worker-1/logs/{EVENTS}").symlink_to(secret)
    (place.store / "0/worker-2/logs").mkdir(parents=True)
    os.mkfifo(place.store / f"0/worker-2/logs/{EVENTS}")
    assert place.look() == {f"0/worker-0/logs/{EVENTS}": b"e"}
    place.look()
    said = capsys.readouterr().out
    assert (said.count("leads out of the input"), said.count("is a device, a pipe or a socket")) == (1, 1)


def test_trouble_that_comes_again_is_said_again(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = place.store / f"0/worker-0/logs/{EVENTS}"
    pipe.parent.mkdir(parents=True)
    for _ in range(2):
        os.mkfifo(pipe)
        place.look()
        pipe.unlink()
        place.look()
    assert capsys.readouterr().out.count("a pipe") == 2


def test_folder_in_the_place_of_a_file_stops_nothing_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.copy / f"0/worker-0/logs/{EVENTS}").mkdir(parents=True)
    place.keep(f"0/worker-0/logs/{EVENTS}", b"e")
    place.keep(f"0/worker-1/logs/{EVENTS}", b"e")
    assert list(place.look()) == [f"0/worker-1/logs/{EVENTS}"]
    assert "cannot be written" in capsys.readouterr().out


def test_folder_in_the_place_of_a_file_of_earlier_gets_its_files(place: Place) -> None:
    path = f"0/worker-0/logs/{EVENTS}"
    place.keep(path, b"e")
    place.look()
    (place.store / path).unlink()
    place.keep(f"{path}/{EVENTS}", b"f")
    assert place.look() == {f"{path}/{EVENTS}": b"f"}


@pytest.mark.parametrize(("most", "together"), [(1000, 700), (1300, 1300)])
def test_file_that_is_replaced_goes_first_where_there_is_no_room_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, together: int
) -> None:
    place = Place(tmp_path, max_bytes=most)
    write, held = local_copy._write, []

    def write_and_measure(*args: Any) -> int:
        new = write(*args)
        held.append(sum(path.stat().st_size for path in place.copy.rglob("*") if path.is_file()))
        return new

    monkeypatch.setattr(local_copy, "_write", write_and_measure)
    for size in (600, 700):
        place.keep("0/worker-0/logs/projector_config.pbtxt", bytes(size))
        place.look()
    assert held == [600, together]


LOOKS = st.lists(st.dictionaries(st.sampled_from(["0", "1", "2"]), st.binary(max_size=30)), min_size=1, max_size=5)


@settings(max_examples=60)
@given(LOOKS, st.sampled_from([EVENTS, "projector_config.pbtxt"]), st.integers(0, 60))
def test_copy_never_takes_more_than_it_may(looks: list[dict[str, bytes]], name: str, most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), max_bytes=most)
        for store in looks:
            shutil.rmtree(place.store, ignore_errors=True)
            for attempt, content in store.items():
                place.keep(f"{attempt}/worker-0/logs/{name}", content)
            shown = place.look()
            assert sum(len(content) for content in shown.values()) <= most
            assert shown.items() <= {f"{n}/worker-0/logs/{name}": content for n, content in store.items()}.items()
            newest = max(store, default="")
            if newest and len(store[newest]) <= most:
                assert f"{newest}/worker-0/logs/{name}" in shown


@given(st.lists(st.sampled_from(["..", ".", "", "a", "/", "\0", "a" * 256, "tfevents", "ü", "\udcff"]), max_size=8))
def test_path_that_passes_stays_below_its_folder(parts: list[str]) -> None:
    path = "/".join(parts)
    if is_safe(path):
        root = Path("/copy")
        assert os.path.normpath(root / path) == str(root / path)
        assert (root / path).is_relative_to(root)
        assert root / path != root


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
def test_copy_is_always_what_the_store_has(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        path = f"0/worker-0/logs/{EVENTS}"
        for content in contents:
            place.keep(path, content)
            assert place.look() == {path: content}
