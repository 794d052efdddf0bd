"""A program gets back the newest artifact that holds true, whole, or hears that there is none."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.hostile_archives import laid_out
from trainingjob.contract import names
from trainingjob.contract.manifest import Manifest, ManifestFile, manifest_name
from trainingjob.contract.tasks import RestoreArtifact
from trainingjob.sidecar import restore
from trainingjob.sidecar.errors import RefusedError


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that takes the termination message."""
    path = tmp_path / "termination-log"
    path.touch()
    monkeypatch.setenv(names.TERMINATION_LOG_VARIABLE, str(path))
    return path


def keep(folder: Path, files: dict[str, str], *, number: int = 1, growing: str = "", **fields: Any) -> None:
    """Leave an artifact as the uploading sidecar does."""
    entries = []
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        entries.append(ManifestFile(path=path, size=len(content), sha256=digest, growing=path == growing))
    manifest = Manifest(complete=False, created="2026-01-01T00:00:00Z", files=tuple(entries), **fields)
    (folder / manifest_name(number)).write_text(manifest.model_dump_json())


def bring(tmp_path: Path, *prefixes: str, **fields: Any) -> dict[str, object]:
    """Run the container and return what the program finds."""
    task = {"prefixes": prefixes or ("uid/*",), "replica": "worker-0", "required": False, "logs": "logs", **fields}
    task["prefixes"] = [f"file://{tmp_path}/store/{prefix}" for prefix in task["prefixes"]]
    target = tmp_path / "resume"
    target.mkdir(exist_ok=True)
    restore.run(RestoreArtifact(target=str(target), **task).model_dump_json())
    return laid_out(target)


def test_newest_attempt_is_restored_and_told(tmp_path: Path, message: Path) -> None:
    store = tmp_path / "store/uid"
    keep(store / "9/worker-0", {"outputs/ckpt": "nine"})
    keep(store / "10/worker-0", {"outputs/ckpt": "ten", "outputs/deep/er": "x", "logs/events": "e"})
    keep(store / "10/worker-1", {"outputs/ckpt": "of another"})
    keep(store / "notes", {"outputs/ckpt": "no attempt"})
    assert bring(tmp_path) == {
        "outputs": None,
        "outputs/ckpt": b"ten",
        "outputs/deep": None,
        "outputs/deep/er": b"x",
        "logs": None,
        "logs/events": b"e",
    }
    assert json.loads(message.read_text()) == {
        "uri": f"file://{store}/10/worker-0",
        "manifest": "manifest-000001.json",
        "files": 3,
        "bytes": 5,
    }


def test_folder_of_the_last_pod_of_a_replica_comes_first(tmp_path: Path) -> None:
    for folder, content in {"worker-0": "a", "worker-0.2": "c", "worker-0.10": "d", "worker-00": "no"}.items():
        keep(tmp_path / "store/uid/0" / folder, {"outputs/ckpt": content})
    assert bring(tmp_path)["outputs/ckpt"] == b"d"


def test_folder_without_a_manifest_is_no_artifact(tmp_path: Path) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "a"})
    half = tmp_path / "store/uid/1/worker-0.1"
    (half / "outputs").mkdir(parents=True)
    (half / "outputs/ckpt").write_text("half")
    assert bring(tmp_path)["outputs/ckpt"] == b"a"


def test_highest_manifest_counts_and_older_files_are_not_restored(tmp_path: Path, message: Path) -> None:
    folder = tmp_path / "store/uid/0/worker-0"
    keep(folder, {"outputs/ckpt-1": "one"})
    keep(folder, {"outputs/ckpt-2": "two"}, number=2)
    assert bring(tmp_path) == {"outputs": None, "outputs/ckpt-2": b"two"}
    assert json.loads(message.read_text())["manifest"] == "manifest-000002.json"


def test_manifest_that_does_not_hold_true_is_passed_over_for_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A later round was writing over the file when its sidecar was killed."""
    folder = tmp_path / "store/uid/0/worker-0"
    keep(folder, {"outputs/ckpt-1": "one"})
    keep(folder, {"outputs/ckpt-1": "one", "outputs/last": "1"}, number=2)
    (folder / "outputs/last").write_text("2")
    assert bring(tmp_path) == {"outputs": None, "outputs/ckpt-1": b"one"}
    shown = capsys.readouterr().out
    assert "'outputs/last' has the sha256" in shown
    assert "manifest-000002.json is passed over." in shown


@pytest.mark.parametrize("damage", ["other bytes", "fewer bytes", "gone", "no manifest", "a file twice", "a way out"])
def test_damaged_attempt_is_passed_over_for_the_one_before(tmp_path: Path, damage: str) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "good"})
    folder = tmp_path / "store/uid/1/worker-0"
    keep(folder, {"outputs/ckpt": "damaged"})
    match damage:
        case "other bytes":
            (folder / "outputs/ckpt").write_text("DAMAGED")
        case "fewer bytes":
            (folder / "outputs/ckpt").write_text("dam")
        case "gone":
            (folder / "outputs/ckpt").unlink()
        case "no manifest":
            (folder / manifest_name(1)).write_text('{"files": "none"}')
        case "a file twice":
            found = Manifest.model_validate_json((folder / manifest_name(1)).read_bytes())
            twice = found.model_copy(update={"files": found.files * 2})
            (folder / manifest_name(1)).write_text(twice.model_dump_json())
        case _:
            text = (folder / manifest_name(1)).read_text()
            (folder / manifest_name(1)).write_text(text.replace("outputs/ckpt", "../../0/worker-0/outputs/ckpt"))
    assert bring(tmp_path) == {"outputs": None, "outputs/ckpt": b"good"}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"logs/events": "e", "logs/deep/more": "m"},
        {"outputs/metrics.jsonl": "", "logs/events": "e"},
        {"told/stdout-stderr.log": "o", "told/stdout-stderr-2.log": "o"},
    ],
)
def test_attempt_that_ended_before_its_first_checkpoint_does_not_hide_the_one_before(
    tmp_path: Path, files: dict[str, str]
) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "good"})
    (tmp_path / "store/uid/1/worker-0").mkdir(parents=True)
    keep(tmp_path / "store/uid/1/worker-0", files)
    assert bring(tmp_path) == {"outputs": None, "outputs/ckpt": b"good"}


def test_file_that_was_still_being_written_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/a": "whole", "outputs/b": "ha"}, growing="outputs/b")
    assert bring(tmp_path) == {"outputs": None, "outputs/a": b"whole"}
    assert "1 files that were still being written are left out." in capsys.readouterr().out


def test_prefixes_are_tried_in_their_order(tmp_path: Path) -> None:
    keep(tmp_path / "store/old/3/worker-0", {"outputs/ckpt": "old"})
    assert bring(tmp_path, "new/*", "old/*")["outputs/ckpt"] == b"old"
    keep(tmp_path / "store/new/0/worker-0", {"outputs/ckpt": "new"})
    assert bring(tmp_path, "new/*", "old/*")["outputs/ckpt"] == b"new"


@pytest.mark.parametrize("prefix", ["uid/0/worker-0", "uid/0"])
def test_prefix_may_be_an_artifact_or_an_attempt(tmp_path: Path, prefix: str) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "a"})
    assert bring(tmp_path, prefix)["outputs/ckpt"] == b"a"


def test_without_an_artifact_the_program_starts_from_nothing(tmp_path: Path, message: Path) -> None:
    (tmp_path / "resume").mkdir()
    (tmp_path / "resume/left over").touch()
    assert bring(tmp_path) == {}
    assert json.loads(message.read_text()) == {}


def test_without_a_required_artifact_it_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"There is no artifact of worker-0 to go on from at file://.*/uid/\*"):
        bring(tmp_path, required=True)


def test_second_run_after_a_crash_gives_the_same(tmp_path: Path) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "a"})
    first = bring(tmp_path)
    (tmp_path / "resume/.trainingjob-restore").mkdir()
    (tmp_path / "resume/.trainingjob-restore/half.part").touch()
    assert bring(tmp_path) == first


def test_too_little_room_is_no_reason_to_take_an_older_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "store/uid/0/worker-0", {"outputs/ckpt": "a"})
    keep(tmp_path / "store/uid/1/worker-0", {"outputs/ckpt": "larger"})
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=3))
    with pytest.raises(RefusedError, match="does not fit: 6 bytes are missing, 3 are free"):
        bring(tmp_path)


PATHS = st.lists(st.sampled_from(["a", "b", "..", ".", "", "logs", "outside", "n" * 300]), min_size=1, max_size=4)
FILES = st.builds(
    lambda parts, content, size, digest: {"path": "/".join(parts) or "x", "size": size, "sha256": digest or content},
    PATHS,
    st.sampled_from(["5" * 64, hashlib.sha256(b"x").hexdigest()]),
    st.integers(-1, 3),
    st.sampled_from(["", "", "0" * 63, "g" * 64]),
)


@settings(max_examples=30)
@given(st.lists(FILES, max_size=4), st.booleans())
def test_no_manifest_leads_out_of_the_folder(files: list[dict[str, object]], required: bool) -> None:
    """Whoever may write to the store may write any manifest."""
    with tempfile.TemporaryDirectory() as place:
        around = Path(place)
        keep(around / "store/uid/0/worker-0", {"a": "x", "b/a": "x", "logs/a": "x"})
        (around / "outside").mkdir()
        (around / "outside/a").write_text("x")
        (around / "store/uid/0/worker-0" / manifest_name(2)).write_text(
            json.dumps({"complete": True, "created": "", "files": files})
        )
        found = bring(around, required=required)
        assert set(found.values()) <= {None, b"x"}
        assert found
        assert sorted(path.name for path in around.iterdir()) == ["outside", "resume", "store"]
        assert laid_out(around / "outside") == {"a": b"x"}


def test_server_without_folders_is_refused(tmp_path: Path) -> None:
    task = RestoreArtifact(prefixes=("https://x.example/a",), replica="worker-0", target=str(tmp_path), required=True)
    with pytest.raises(RefusedError, match="is no folder of a store: give s3://"):
        restore.run(task.model_dump_json())
