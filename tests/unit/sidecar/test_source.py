"""Sources that need no server, and what holds for all of them."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.hostile_archives import file, laid_out, link, tar_of
from trainingjob.contract import names
from trainingjob.contract.tasks import ArchiveSource, FetchSource, FolderSource
from trainingjob.sidecar import source
from trainingjob.sidecar.errors import RefusedError

CODE = tar_of(file("train.py", b"print()"), file("pkg/util.py"), link("latest", "pkg"), compression="gz")


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that takes the termination message."""
    path = tmp_path / "termination-log"
    path.touch()
    monkeypatch.setenv(names.TERMINATION_LOG_VARIABLE, str(path))
    return path


def fetch(workspace: Path, wanted: ArchiveSource | FolderSource, **fields: Any) -> dict[str, object]:
    """Run the container and return what the workspace holds."""
    workspace.mkdir(exist_ok=True)
    source.run(FetchSource(source=wanted, workspace=str(workspace), **fields).model_dump_json())
    return laid_out(workspace)


def archive(folder: Path, data: bytes = CODE, sha256: str = "") -> ArchiveSource:
    """Return the source that stands in a file."""
    (folder / "code.tgz").write_bytes(data)
    return ArchiveSource(uri=f"file://{folder}/code.tgz", sha256=sha256)


def config_map(folder: Path, files: dict[str, str]) -> FolderSource:
    """Lay files out as the kubelet mounts a ConfigMap."""
    data = folder / "..2026_01_01_00_00_00.1"
    for name, content in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(content)
    (folder / "..data").symlink_to(data.name)
    for name in {Path(name).parts[0] for name in files}:
        (folder / name).symlink_to(f"..data/{name}")
    return FolderSource(folder=str(folder))


def test_archive_is_unpacked_and_its_digest_told(tmp_path: Path, message: Path) -> None:
    digest = hashlib.sha256(CODE).hexdigest()
    found = fetch(
        tmp_path / "w", archive(tmp_path, sha256=digest.upper()), entrypoint="latest/util.py", folders=("outputs",)
    )
    assert found == {
        "train.py": b"print()",
        "pkg": None,
        "pkg/util.py": b"x",
        "latest": "-> pkg",
        "outputs": None,
    }
    assert json.loads(message.read_text()) == {"uri": f"file://{tmp_path}/code.tgz", "sha256": digest}


def test_archive_with_another_digest_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"has the sha256 {hashlib.sha256(CODE).hexdigest()}, not {'0' * 64}"):
        fetch(tmp_path / "w", archive(tmp_path, sha256="0" * 64))
    assert laid_out(tmp_path / "w") == {}


def test_archive_beyond_the_limit_is_refused_while_it_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has more than 100 bytes, which is the limit"):
        fetch(tmp_path / "w", archive(tmp_path, os.urandom(3_000_000)), max_bytes=100)


def test_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"There is no {tmp_path}/none"):
        fetch(tmp_path / "w", ArchiveSource(uri=f"file://{tmp_path}/none"))


def test_hostile_archive_is_refused_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"The archive file://\S+/code.tgz: '../x' contains '..'"):
        fetch(tmp_path / "w", archive(tmp_path, tar_of(file("../x"))))


def test_full_volume_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    wanted = archive(tmp_path)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RefusedError, match=r"'train\.py' did not fit: there is no space left in the pod's volume"):
        fetch(tmp_path / "w", wanted)


def test_config_map_is_copied_without_the_kubelets_links(tmp_path: Path, message: Path) -> None:
    (tmp_path / "map").mkdir()
    wanted = config_map(tmp_path / "map", {"train.py": "print()", "pkg/util.py": "x"})
    found = fetch(tmp_path / "w", wanted, entrypoint="train.py")
    assert found == {"train.py": b"print()", "pkg": None, "pkg/util.py": b"x"}
    assert json.loads(message.read_text()) == {}


def test_part_of_a_claim_is_copied_with_links_that_stay_inside(tmp_path: Path) -> None:
    claim = tmp_path / "claim"
    (claim / "pkg").mkdir(parents=True)
    (claim / "lost+found").mkdir()
    (claim / "run.sh").write_text("#!/bin/sh")
    (claim / "run.sh").chmod(0o700)
    (claim / "pkg/run").symlink_to("../run.sh")
    found = fetch(tmp_path / "w", FolderSource(folder=str(claim)), entrypoint="pkg/run")
    assert found == {"pkg": None, "pkg/run": "-> ../run.sh", "run.sh": b"#!/bin/sh"}
    assert stat.S_IMODE((tmp_path / "w/run.sh").stat().st_mode) == 0o777


def test_link_of_a_claim_that_leaves_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim/data").symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="The source: 'data' is a link that leads out of the folder, to '/etc/pass"):
        fetch(tmp_path / "w", FolderSource(folder=str(tmp_path / "claim")))


def test_pipe_in_a_claim_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "claim").mkdir()
    os.mkfifo(tmp_path / "claim/pipe")
    with pytest.raises(RefusedError, match="'pipe' is a device, a pipe or a socket"):
        fetch(tmp_path / "w", FolderSource(folder=str(tmp_path / "claim")))


def test_folders_of_a_claim_without_end_are_refused(tmp_path: Path) -> None:
    (tmp_path / "claim" / "/".join("d" * 500)).mkdir(parents=True)
    with pytest.raises(RefusedError, match="lies more than 100 folders deep"):
        fetch(tmp_path / "w", FolderSource(folder=str(tmp_path / "claim")))


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"There is no folder to take the source from: .*/none"):
        fetch(tmp_path / "w", FolderSource(folder=str(tmp_path / "none")))


def test_second_run_after_a_crash_starts_from_nothing(tmp_path: Path) -> None:
    fetch(tmp_path / "w", archive(tmp_path), folders=("outputs/deep",))
    (tmp_path / "w/.trainingjob-source").mkdir()
    (tmp_path / "w/.trainingjob-source/archive").write_text("half of it")
    again = fetch(tmp_path / "w", archive(tmp_path))
    assert sorted(again) == ["latest", "pkg", "pkg/util.py", "train.py"]


def test_everything_can_be_written_by_another_user(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        fetch(tmp_path / "w", archive(tmp_path), folders=("outputs/deep",))
    finally:
        os.umask(before)
    for path in (path for path in (tmp_path / "w").rglob("*") if not path.is_symlink()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o777 if path.is_dir() else 0o666), path


ENTRYPOINTS = {
    "missing": (
        "trian.py",
        "The entrypoint 'trian.py' is no file; in the source there is 'latest/', 'pkg/', 'train.py'.",
    ),
    "missing in a folder": ("pkg/main.py", "The entrypoint 'pkg/main.py' is no file; in 'pkg' there is 'util.py'."),
    "a folder": ("pkg", "The entrypoint 'pkg' is no file; in the source there is"),
    "outside": ("../../bin/sh", "The entrypoint '../../bin/sh' leads out of the source."),
    "absolute": ("/bin/sh", "The entrypoint '/bin/sh' leads out of the source."),
    "too long": ("n" * 5000, "is no file"),
}


@pytest.mark.parametrize(("entrypoint", "problem"), ENTRYPOINTS.values(), ids=ENTRYPOINTS)
def test_entrypoint_that_is_no_file_inside_is_refused_with_what_is_there(
    tmp_path: Path, entrypoint: str, problem: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        fetch(tmp_path / "w", archive(tmp_path), entrypoint=entrypoint)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("folder", "problem"), [("train.py", "leads through a link or a file"), ("latest/x", "leads through a link")]
)
def test_folder_for_outputs_that_the_source_has_as_something_else_is_refused(
    tmp_path: Path, folder: str, problem: str
) -> None:
    with pytest.raises(RefusedError, match=f"'{folder}' {problem}"):
        fetch(tmp_path / "w", archive(tmp_path), folders=(folder,))
