"""Which files belong to an artifact, and that no link leads the sidecar out of the workspace."""

import os
import socket
from pathlib import Path

import pytest

from trainingjob.sidecar.scan import Scan, is_temporary, open_beneath, scan


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("credentials")
    workspace = tmp_path / "workspace"
    (workspace / "outputs" / "deep").mkdir(parents=True)
    (workspace / "outputs" / "deep" / "model").write_text("model")
    (workspace / "src").mkdir()
    (workspace / "src" / "train.py").write_text("pass")
    return workspace


def look(workspace: Path, *folders: str, temporary: bool = True) -> Scan:
    return scan(workspace, folders or ("outputs",), temporary=temporary)


def test_files_of_the_folders_are_found_by_their_path_in_the_workspace(workspace: Path) -> None:
    found = look(workspace, "outputs", "logs", "outputs/deep/")
    assert {path: one.stamp.size for path, one in found.files.items()} == {"outputs/deep/model": 5}
    assert not found.problems


def test_whole_workspace_may_be_the_folder(workspace: Path) -> None:
    assert set(look(workspace, ".").files) == {"outputs/deep/model", "src/train.py"}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("../../secret", "leads out of the artifact's folders"),
        ("/etc/passwd", "leads out of the artifact's folders"),
        ("../src/train.py", "leads out of the artifact's folders"),
        ("../outputs-other", "leads out of the artifact's folders"),
        ("deep/absent", "something that is not there"),
        ("deep", "a link to a folder"),
        ("link", "leads out of the artifact's folders|something that is not there|a link to a folder"),
    ],
)
def test_link_that_is_no_second_name_of_a_kept_file_is_left_out(workspace: Path, target: str, words: str) -> None:
    (workspace / "outputs" / "link").symlink_to(target)
    found = look(workspace)
    assert set(found.files) == {"outputs/deep/model"}
    [problem] = found.problems
    assert problem.path == "outputs/link"
    assert any(word in problem.text for word in words.split("|"))
    assert not problem.loses


def test_link_to_a_kept_file_is_taken_for_a_copy_of_it(workspace: Path) -> None:
    (workspace / "outputs" / "latest").symlink_to("deep/model")
    found = look(workspace).files["outputs/latest"]
    assert (found.source, found.stamp.size) == ("outputs/deep/model", 5)


def test_folder_that_is_exchanged_for_a_link_is_not_read(workspace: Path, tmp_path: Path) -> None:
    found = look(workspace).files["outputs/deep/model"]
    (workspace / "outputs" / "deep").rename(workspace / "outputs" / "before")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model").write_text("credentials")
    (workspace / "outputs" / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        open_beneath(workspace, found.source)


def test_file_that_is_exchanged_for_a_link_is_not_read(workspace: Path, tmp_path: Path) -> None:
    file = workspace / "outputs" / "deep" / "model"
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="Too many levels"):
        open_beneath(workspace, "outputs/deep/model")


def test_kept_folder_that_is_a_link_makes_the_artifact_incomplete(workspace: Path, tmp_path: Path) -> None:
    (workspace / "logs").symlink_to(tmp_path)
    [problem] = look(workspace, "logs").problems
    assert (problem.path, problem.loses) == ("logs", True)


def test_what_is_no_file_is_left_out(workspace: Path) -> None:
    os.mkfifo(workspace / "outputs" / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(workspace)
        try:
            listener.bind("outputs/socket")
        finally:
            os.chdir(before)
        found = look(workspace)
    assert {problem.path: problem.loses for problem in found.problems} == {
        "outputs/pipe": False,
        "outputs/socket": False,
    }
    with pytest.raises(OSError, match="not a regular file"):
        open_beneath(workspace, "outputs/pipe")


def test_names_that_no_store_takes_make_the_artifact_incomplete(workspace: Path) -> None:
    for name in (b"outputs/\xff", b"outputs/new\nline", b"owner.json", b"manifest-000001.json"):
        Path(os.fsdecode(os.fsencode(workspace) + b"/" + name)).touch()
    found = look(workspace, ".")
    assert {problem.path for problem in found.problems} == {
        "outputs/\\udcff",
        "outputs/new\\nline",
        "owner.json",
        "manifest-000001.json",
    }
    assert all(problem.loses for problem in found.problems)


def test_temporary_names_wait_for_the_end(workspace: Path) -> None:
    for name in ("model.tmp", ".hidden", "ckpt.index.tempstate12345", "x.part", ".cache/x"):
        file = workspace / "outputs" / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert set(look(workspace, temporary=False).files) == {"outputs/deep/model"}
    assert len(look(workspace).files) == 6


@pytest.mark.parametrize("name", ["a.tmp", "a.part", "a~", ".a.swp", "checkpoint.tmp0f3a", ".x/y", "A.TMP"])
def test_temporary_name_is_known(name: str) -> None:
    assert is_temporary(f"outputs/{name}")


@pytest.mark.parametrize("name", ["a", "tmp", "a.tmpl", "part.bin", "events.out.tfevents.1.host", "a.b~c"])
def test_ordinary_name_is_known(name: str) -> None:
    assert not is_temporary(f"outputs/{name}")
