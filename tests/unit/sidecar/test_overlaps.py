"""A program makes a folder where it had a file: a store holds both from then on, and is read all the same."""

import hashlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import obstore
import pytest
from obstore.store import MemoryStore

from tests.support.hostile_archives import laid_out
from trainingjob.contract.manifest import Manifest, ManifestFile, manifest_name
from trainingjob.contract.tasks import DownloadInputs, Input, MirrorEvents, RestoreArtifact
from trainingjob.sidecar import inputs, remotes, restore
from trainingjob.sidecar.download import DamagedError, Download
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.mirror import Mirror
from trainingjob.sidecar.overlaps import without_older
from trainingjob.sidecar.remote import Wanted
from trainingjob.sidecar.remote_objects import Objects
from trainingjob.sidecar.stores import Location

ARTIFACT = "job/uid/0/worker-0"
EVENTS = "events.out.tfevents.1700000000.mnist-worker-0.1.0.v2"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Return what stands behind every `s3://` address."""
    bucket = MemoryStore()

    def open_location(uri: str, _credentials: str) -> Location:
        path = urlsplit(uri).path
        return Location(uri, bucket, path.strip("/"), path.endswith("/"))

    monkeypatch.setattr(remotes, "open_location", open_location)
    return bucket


def keep(store: MemoryStore, number: int, files: dict[str, bytes]) -> None:
    """Upload files as the sidecar does, and a manifest that names them alone."""
    entries = []
    for path, content in files.items():
        obstore.put(store, f"{ARTIFACT}/{path}", content)
        entries.append(ManifestFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest()))
    manifest = Manifest(complete=False, created="2026-01-01T00:00:00Z", files=tuple(entries))
    obstore.put(store, f"{ARTIFACT}/{manifest_name(number)}", manifest.model_dump_json().encode())


def bring_back(target: Path) -> dict[str, object]:
    """Run the container that restores, and return what the program finds."""
    target.mkdir()
    task = RestoreArtifact(prefixes=("s3://runs/job/uid/*",), replica="worker-0", required=True, target=str(target))
    restore.run(task.model_dump_json())
    return laid_out(target)


def test_folder_in_the_place_of_a_file_is_restored(store: MemoryStore, tmp_path: Path) -> None:
    keep(store, 1, {"outputs/best": b"file"})
    keep(store, 2, {"outputs/best/model.bin": b"model"})
    found = bring_back(tmp_path / "resume")
    assert found == {"outputs": None, "outputs/best": None, "outputs/best/model.bin": b"model"}


@pytest.mark.parametrize("content", [b"file", b""])
def test_file_in_the_place_of_a_folder_is_restored(store: MemoryStore, tmp_path: Path, content: bytes) -> None:
    keep(store, 1, {"outputs/best/model.bin": b"model"})
    keep(store, 2, {"outputs/best": content, "outputs/last": b"last"})
    found = bring_back(tmp_path / "resume")
    assert found == {"outputs": None, "outputs/best": content, "outputs/last": b"last"}


def test_manifest_that_names_both_is_passed_over(store: MemoryStore, tmp_path: Path) -> None:
    keep(store, 1, {"outputs/best": b"file"})
    keep(store, 2, {"outputs/best": b"file", "outputs/best/model.bin": b"model"})
    assert bring_back(tmp_path / "resume") == {"outputs": None, "outputs/best": b"file"}


def test_nothing_is_brought_of_a_file_and_what_is_below_it(store: MemoryStore, tmp_path: Path) -> None:
    remote = Objects(Location("s3://runs/", store, "", folder=True))
    both = [Wanted("a", "a", 1), Wanted("a/b", "a/b", 1)]
    with pytest.raises(DamagedError, match="'a/b' is below what is itself a file"):
        Download("Artifact", remote, both, tmp_path / "target", tmp_path / "state").run()
    assert not (tmp_path / "target").exists()


def test_event_files_are_shown_though_their_folder_was_a_file(store: MemoryStore, tmp_path: Path) -> None:
    obstore.put(store, f"{ARTIFACT}/logs/train", b"a file once")
    obstore.put(store, f"{ARTIFACT}/logs/train/{EVENTS}", b"events")
    task = MirrorEvents(
        prefix="s3://runs/job/uid", stream=("logs",), target=str(tmp_path), interval_seconds=1, max_bytes=1000
    )
    Mirror(task).refresh()
    shown = {path: content for path, content in laid_out(tmp_path).items() if isinstance(content, bytes)}
    assert shown == {f"0/worker-0/logs/train/{EVENTS}": b"events"}


def test_folder_in_the_place_of_an_event_file_takes_it_in_the_copy_too(store: MemoryStore, tmp_path: Path) -> None:
    task = MirrorEvents(
        prefix="s3://runs/job/uid", stream=("logs",), target=str(tmp_path), interval_seconds=1, max_bytes=1000
    )
    mirror = Mirror(task)
    obstore.put(store, f"{ARTIFACT}/logs/tfevents", b"a file once")
    mirror.refresh()
    # Within a second the order of two objects is chance: an empty one gives way whenever it was made.
    obstore.put(store, f"{ARTIFACT}/logs/tfevents", b"")
    obstore.put(store, f"{ARTIFACT}/logs/tfevents/{EVENTS}", b"events")
    mirror.refresh()
    shown = {path: content for path, content in laid_out(tmp_path).items() if isinstance(content, bytes)}
    assert shown == {f"0/worker-0/logs/tfevents/{EVENTS}": b"events"}


def file(path: str, at: int, size: int = 1) -> Wanted:
    return Wanted(path, path, size, stamp=at)


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ([], []),
        ([file("a", 1), file("ab", 1), file("b/a", 1)], ["a", "ab", "b/a"]),
        ([file("a", 1), file("a/b", 2), file("a/c/d", 1)], ["a/b", "a/c/d"]),
        ([file("a", 3), file("a/b", 2), file("a/c/d", 1)], ["a"]),
        ([file("a", 3, size=0), file("a/b", 2)], ["a/b"]),
        ([file("a", 1), file("a/b", 2), file("a/b/c", 3)], ["a/b/c"]),
    ],
)
def test_the_newer_of_a_file_and_those_below_it_stays(files: list[Wanted], kept: list[str]) -> None:
    assert [file.path for file in without_older(files)] == kept


def test_input_that_no_folder_can_hold_is_refused_and_marks_of_folders_are_none(
    store: MemoryStore, tmp_path: Path
) -> None:
    task = DownloadInputs(inputs=(Input(name="train", uri="s3://runs/data/", target=str(tmp_path / "train")),))
    obstore.put(store, "data/a", b"")
    obstore.put(store, "data/a/b", b"b")
    inputs.run(json.dumps(task.model_dump()))
    assert laid_out(tmp_path / "train") == {"a": None, "a/b": b"b"}
    obstore.put(store, "data/a", b"a")
    with pytest.raises(RefusedError, match="'data/a' is an object, and there are others below it"):
        inputs.run(json.dumps(task.model_dump()))
