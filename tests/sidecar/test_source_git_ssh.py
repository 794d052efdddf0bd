"""Sources come from git over the real OpenSSH, with a key of the Secret, from servers that the Secret knows."""

import base64
import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import openssh
from devtools.progress import Progress
from tests.support.git_server import Repository, repository
from tests.support.hostile_archives import laid_out
from tests.support.ssh_server import SshServer, serve_ssh
from trainingjob.contract import names
from trainingjob.contract.tasks import FetchSource, GitSource
from trainingjob.controller.ssh_keys import make_ssh_keys
from trainingjob.sidecar import git, source
from trainingjob.sidecar.errors import RefusedError, UnavailableError


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    """Run a server of the machine's own OpenSSH."""
    if why := openssh.ensure(Progress("test")):
        pytest.skip(why)
    with serve_ssh() as server:
        yield server


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a repository with two commits."""
    made = repository(tmp_path_factory.mktemp("ssh") / "it's code")
    made.commit({"train.py": "old"})
    made.commit({"train.py": "new"})
    return made


@pytest.fixture
def secret(tmp_path: Path, server: SshServer) -> Path:
    """Return the Secret as it is mounted."""
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "ssh-privatekey").write_text(server.key.strip())
    (folder / "known_hosts").write_text(server.known_hosts)
    return folder


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_PAUSES", (0,))


def fetch(tmp_path: Path, url: str, secret: Path | None, ref: str = "") -> dict[str, object]:
    """Run the container and return what the workspace holds."""
    (tmp_path / "w").mkdir(exist_ok=True)
    wanted = GitSource(url=url, ref=ref, credentials=str(secret or ""))
    source.run(FetchSource(source=wanted, workspace=str(tmp_path / "w")).model_dump_json())
    return laid_out(tmp_path / "w")


def address(server: SshServer, code: Repository) -> str:
    return f"ssh://{server.user}@127.0.0.1:{server.port}{code.folder}"


def test_branch_is_fetched_with_the_key(
    server: SshServer, code: Repository, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "message").touch()
    monkeypatch.setenv(names.TERMINATION_LOG_VARIABLE, str(tmp_path / "message"))
    assert fetch(tmp_path, address(server, code), secret, "main") == {"train.py": b"new"}
    assert json.loads((tmp_path / "message").read_text()) == {"commit": code.git("rev-parse", "main")}


def test_commit_that_no_branch_ends_in_can_be_asked_for(
    server: SshServer, code: Repository, secret: Path, tmp_path: Path
) -> None:
    """The older protocol, which the server speaks unless it is asked for the newer one, does not give it."""
    first = code.git("rev-parse", "main~1")
    assert fetch(tmp_path, address(server, code), secret, first) == {"train.py": b"old"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_repository_that_is_not_there_is_refused_in_the_servers_words(
    server: SshServer, code: Repository, secret: Path, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match=r"refuses: .*/none' does not appear to be a git repository"):
        fetch(tmp_path, address(server, code) + "/none", secret)
    gc.collect()  # the library leaves such a conversation to the collector, which warns of it


def test_server_that_shows_another_key_is_refused(
    server: SshServer, code: Repository, secret: Path, tmp_path: Path
) -> None:
    other = make_ssh_keys(f"[127.0.0.1]:{server.port}")["known_hosts"]
    (secret / "known_hosts").write_bytes(base64.b64decode(other))
    with pytest.raises(RefusedError, match="shows another key than known_hosts has for it"):
        fetch(tmp_path, address(server, code), secret)


def test_server_that_nobody_knows_is_refused(server: SshServer, code: Repository, secret: Path, tmp_path: Path) -> None:
    (secret / "known_hosts").write_text("")
    with pytest.raises(RefusedError, match=r"known_hosts of the Secret do not have the SSH server 127\.0\.0\.1:"):
        fetch(tmp_path, address(server, code), secret)


def test_key_that_the_server_does_not_take_is_refused(
    server: SshServer, code: Repository, secret: Path, tmp_path: Path
) -> None:
    (secret / "ssh-privatekey").write_bytes(base64.b64decode(make_ssh_keys("x")["client_key"]))
    with pytest.raises(RefusedError, match="does not take the ssh-privatekey of the Secret"):
        fetch(tmp_path, address(server, code), secret)


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ("ssh-privatekey", "needs a Secret with the keys ssh-privatekey and known_hosts"),
        ("known_hosts", "The Secret lacks known_hosts, what ssh-keyscan prints"),
    ],
)
def test_incomplete_secret_is_refused(secret: Path, tmp_path: Path, missing: str, problem: str) -> None:
    (secret / missing).unlink()
    with pytest.raises(RefusedError, match=problem):
        fetch(tmp_path, "git@127.0.0.1:group/code.git", secret)


def test_key_that_is_none_is_refused_without_a_word_of_it(secret: Path, tmp_path: Path) -> None:
    (secret / "ssh-privatekey").write_text("hunter2")
    with pytest.raises(RefusedError, match="The ssh-privatekey of the Secret cannot be read") as refusal:
        fetch(tmp_path, "git@127.0.0.1:group/code.git", secret)
    assert "hunter2" not in str(refusal.value)


def test_server_that_is_not_there_is_unavailable(secret: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"The SSH server 127\.0\.0\.1:9 does not answer"):
        fetch(tmp_path, "ssh://git@127.0.0.1:9/code", secret)
