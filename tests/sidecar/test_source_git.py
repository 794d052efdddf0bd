"""Sources come from real git servers: the asked-for files of the asked-for commit, and nothing of git around them."""

import gc
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.file_server import serve_files
from tests.support.git_server import GitServer, Repository, repository, serve
from tests.support.hostile_archives import laid_out
from trainingjob.contract import names
from trainingjob.contract.tasks import FetchSource, GitSource
from trainingjob.sidecar import git, source
from trainingjob.sidecar.errors import RefusedError, UnavailableError

MODEL = os.urandom(300_000)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a repository with a branch, tags of both kinds, a folder, a link, a program and some history."""
    made = repository(tmp_path_factory.mktemp("repositories") / "code")
    made.commit({"train.py": "old", "big.bin": os.urandom(1_000_000)})
    made.git("rm", "--quiet", "big.bin")
    (made.folder / "pkg").mkdir()
    (made.folder / "pkg/up").symlink_to("../train.py")
    made.commit({"train.py": "print(1)", "run.sh": "#!/bin/sh", "pkg/__init__.py": "", "pkg/model.bin": MODEL})
    (made.folder / "run.sh").chmod(0o755)
    made.commit({})
    made.git("tag", "v1")
    made.git("tag", "--annotate", "v1.1", "--message", "release")
    made.git("checkout", "--quiet", "-b", "feature/x")
    made.commit({"train.py": "print(2)"})
    made.git("checkout", "--quiet", "main")
    return made


@pytest.fixture
def server(code: Repository) -> Iterator[GitServer]:
    """Serve the repository."""
    with serve(code.folder.parent) as server:
        yield server


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that takes the termination message."""
    path = tmp_path / "termination-log"
    path.touch()
    monkeypatch.setenv(names.TERMINATION_LOG_VARIABLE, str(path))
    return path


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_PAUSES", (0, 0))


def fetch(workspace: Path, url: str, **fields: Any) -> dict[str, object]:
    """Run the container and return what the workspace holds; `ref`, `path` and `credentials` are git's."""
    of_git = {name: fields.pop(name) for name in ("ref", "path", "credentials") if name in fields}
    workspace.mkdir(exist_ok=True)
    task = FetchSource(source=GitSource(url=url, **of_git), workspace=str(workspace), **fields)
    source.run(task.model_dump_json())
    return laid_out(workspace)


EVERYTHING = {
    "train.py": b"print(1)",
    "run.sh": b"#!/bin/sh",
    "pkg": None,
    "pkg/__init__.py": b"",
    "pkg/model.bin": MODEL,
    "pkg/up": "-> ../train.py",
}


@pytest.mark.parametrize("ref", ["", "main", "v1", "v1.1", "refs/heads/main"])
def test_branch_tag_and_default_give_the_files_and_tell_the_commit(
    code: Repository, server: GitServer, tmp_path: Path, message: Path, ref: str
) -> None:
    assert fetch(tmp_path / "w", f"{server.url}/code", ref=ref, entrypoint="train.py") == EVERYTHING
    assert json.loads(message.read_text()) == {"commit": code.git("rev-parse", "main")}
    assert stat.S_IMODE((tmp_path / "w/run.sh").stat().st_mode) == 0o777
    assert stat.S_IMODE((tmp_path / "w/train.py").stat().st_mode) == 0o666


def test_commit_that_no_branch_ends_in_can_be_asked_for(
    code: Repository, server: GitServer, tmp_path: Path, message: Path
) -> None:
    first = code.git("rev-parse", "main~2")
    assert set(fetch(tmp_path / "w", f"{server.url}/code", ref=first)) == {"train.py", "big.bin"}
    assert json.loads(message.read_text()) == {"commit": first}


def test_history_is_not_downloaded(server: GitServer, tmp_path: Path, code: Repository) -> None:
    """The million random bytes of the first commit do not fit into this limit."""
    size = sum(len(content) for content in EVERYTHING.values() if isinstance(content, bytes))
    assert fetch(tmp_path / "w", f"{server.url}/code", max_bytes=size + 100)
    with pytest.raises(RefusedError, match=r"has a file of more than .* bytes"):
        fetch(tmp_path / "w", f"{server.url}/code", ref=code.git("rev-parse", "main~2"), max_bytes=size)


def test_folder_of_a_repository_becomes_the_workspace(server: GitServer, tmp_path: Path, code: Repository) -> None:
    code.git("checkout", "--quiet", "feature/x")
    (code.folder / "pkg/up").unlink()
    code.commit({})
    code.git("checkout", "--quiet", "main")
    found = fetch(tmp_path / "w", f"{server.url}/code", ref="feature/x", path="pkg/", entrypoint="__init__.py")
    assert found == {"__init__.py": b"", "model.bin": MODEL}


def test_link_that_leaves_the_asked_for_folder_is_refused(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"'up' is a link that leads out of the folder, to '\.\./train\.py'"):
        fetch(tmp_path / "w", f"{server.url}/code", path="pkg")


def test_private_repository_is_fetched_with_the_secret_which_shows_nowhere(
    server: GitServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], message: Path
) -> None:
    server.require("git", "hunter2")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/password").write_text("hunter2\n")
    assert fetch(tmp_path / "w", f"{server.url}/code", credentials=str(tmp_path / "secret")) == EVERYTHING
    shown = "".join(capfd.readouterr()) + message.read_text() + "".join(server.requests)
    assert "hunter2" not in shown
    assert b"hunter2" not in b"".join(path.read_bytes() for path in (tmp_path / "w").rglob("*") if path.is_file())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("password", [None, "wrong"])
def test_missing_or_wrong_password_is_refused(server: GitServer, tmp_path: Path, password: str | None) -> None:
    server.require("user", "right")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/username").write_text("user")
    if password:
        (tmp_path / "secret/password").write_text(password)
    with pytest.raises(RefusedError, match="asks for a user and a password, or does not take those") as refusal:
        fetch(tmp_path / "w", f"{server.url}/code", credentials=str(tmp_path / "secret") if password else "")
    assert "wrong" not in str(refusal.value)
    del refusal
    gc.collect()  # the library leaves the connection of such an answer to the collector, which warns of it


REFUSED = {
    "unknown branch": ("code", {"ref": "mian"}, "has no branch or tag 'mian'; it has .*main"),
    "short commit": ("code", {"ref": "abcdef0"}, "a commit has to be given with all 40 digits"),
    "unknown commit": ("code", {"ref": "1" * 40}, "does not give the commit 1111"),
    "unknown folder": ("code", {"path": "src"}, "has no folder 'src': 'src' is not among pkg, run.sh, train.py"),
    "a file as folder": ("code", {"path": "train.py"}, "has no folder 'train.py'"),
    "unknown repository": ("nothing", {}, "There is no git repository at http://127.0.0.1:[0-9]+/nothing"),
    "too many files": ("code", {"max_files": 3}, "makes it more than 3 files"),
    "too many bytes": ("code", {"max_bytes": 300_005}, "makes it more than 300005 bytes"),
    "too large a file": ("code", {"max_bytes": 200_000}, "has a file of more than 200000 bytes"),
    "too large a pack": ("code", {"max_bytes": 70_000}, "The commit of .* has more than 280000 bytes, packed"),
    "no such program": ("code", {"entrypoint": "trian.py"}, "'trian.py' is no file; in the source there is 'pkg/',"),
    "a program outside": ("code", {"entrypoint": "../train.py"}, r"'\.\./train\.py' leads out of the source"),
}


@pytest.mark.parametrize(("name", "fields", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_right_is_refused_with_what_would_be(
    server: GitServer, tmp_path: Path, name: str, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RefusedError, match=problem):
        fetch(tmp_path / "w", f"{server.url}/{name}", **fields)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://user:hunter2@127.0.0.1/x", "names a user: give username and password in a Secret"),
        ("file:///etc", "has to be like https://host/path or git@host:path"),
        ("/etc", "has to be like https://host/path or git@host:path"),
    ],
)
def test_address_of_another_kind_is_refused_without_its_password(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem) as refusal:
        fetch(tmp_path / "w", url)
    assert "hunter2" not in str(refusal.value)


def test_server_that_fails_for_a_moment_is_asked_again(server: GitServer, tmp_path: Path) -> None:
    server.failures = 2
    assert fetch(tmp_path / "w", f"{server.url}/code") == EVERYTHING


def test_server_that_keeps_failing_is_unavailable(server: GitServer, tmp_path: Path) -> None:
    server.failures = 100
    with pytest.raises(UnavailableError, match="answers 503"):
        fetch(tmp_path / "w", f"{server.url}/code")


def test_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        fetch(tmp_path / "w", "http://127.0.0.1:9/code")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"<!DOCTYPE html>\n<html>Sign in</html>\n", "is no valid git repository"),
        (b"0" * 40 + b"\trefs/heads/main\n", "gives files only, and does not speak git's protocol"),
        (b"", "has no default branch|gives files only"),
    ],
    ids=["a page", "an old server", "nothing"],
)
def test_server_that_is_none_of_git_is_refused(tmp_path: Path, answer: bytes, problem: str) -> None:
    with serve_files() as web:
        web.files = {"code/info/refs": answer}
        with pytest.raises(RefusedError, match=problem):
            fetch(tmp_path / "w", f"{web.url}/code")


def test_second_run_starts_from_nothing(server: GitServer, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    (workspace / "left/over").mkdir(parents=True)
    (workspace / "left/over/file").touch()
    (workspace / "link").symlink_to("/etc")
    assert fetch(workspace, f"{server.url}/code", folders=("outputs", "logs/tb")) == {
        **EVERYTHING,
        "outputs": None,
        "logs": None,
        "logs/tb": None,
    }


def test_submodules_and_large_file_pointers_are_left_out_and_named(
    server: GitServer, code: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    outer = repository(code.folder.parent / "outer")
    outer.git("submodule", "--quiet", "add", str(code.folder), "sub")
    outer.commit({"data.bin": pointer})
    found = fetch(tmp_path / "w", f"{server.url}/outer")
    assert (found["sub"], found["data.bin"]) == (None, pointer.encode())
    shown = capsys.readouterr().out
    assert "Submodules are left empty: 'sub'." in shown
    assert "Files of Git LFS are left as pointers, without content: 'data.bin'." in shown


def test_tree_that_is_far_larger_than_its_objects_is_stopped(
    server: GitServer, code: Repository, tmp_path: Path
) -> None:
    """Each folder holds the one below ten times: a few objects stand for ten billion files."""
    bomb = repository(code.folder.parent / "bomb")
    folder = bomb.git("mktree", text=f"100644 blob {bomb.git('hash-object', '-w', '--stdin', text='x')}\tf\n")
    for _ in range(10):
        folder = bomb.git("mktree", text="".join(f"040000 tree {folder}\td{n}\n" for n in range(10)))
    bomb.git("update-ref", "refs/heads/main", bomb.git("commit-tree", folder, "-m", "bomb"))
    with pytest.raises(RefusedError, match="makes it more than 100 f"):
        fetch(tmp_path / "w", f"{server.url}/bomb", max_files=100)


def test_file_that_is_far_larger_than_its_packed_bytes_is_stopped(
    server: GitServer, code: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "_LARGEST_OBJECT", 1_000_000)
    zeros = repository(code.folder.parent / "zeros")
    zeros.commit({"zeros": bytes(1_000_001)})
    with pytest.raises(RefusedError, match="has a file of more than 1000000 bytes"):
        fetch(tmp_path / "w", f"{server.url}/zeros")


@pytest.mark.parametrize("name", [".git", ".GIT"])
def test_folder_of_gits_own_name_is_refused(server: GitServer, code: Repository, tmp_path: Path, name: str) -> None:
    hostile = repository(code.folder.parent / f"hostile{name.strip('.')}")
    blob = hostile.git("hash-object", "-w", "--stdin", text="x")
    inner = hostile.git("mktree", text=f"100644 blob {blob}\tconfig\n")
    top = hostile.git("mktree", text=f"040000 tree {inner}\t{name}\n")
    hostile.git("update-ref", "refs/heads/main", hostile.git("commit-tree", top, "-m", "x"))
    with pytest.raises(RefusedError, match=f"'{name}' is no name that git allows"):
        fetch(tmp_path / "w", f"{server.url}/{hostile.folder.name}")
