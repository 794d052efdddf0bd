"""Inputs from claims and from HTTP servers arrive whole, once, and what is wrong is said with the input's name."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from devtools.cluster.certificates import Authority
from tests.support.file_server import FileServer, serve_files
from tests.support.hostile_archives import laid_out
from trainingjob.contract.tasks import DownloadInputs, Input
from trainingjob.sidecar import download, inputs, remote, remote_web
from trainingjob.sidecar.errors import RefusedError, UnavailableError

DATA = os.urandom(300_000)
PART = 65_536


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts small and pauses short, so that a small file has many parts."""
    monkeypatch.setattr(download, "_PART", PART)
    monkeypatch.setattr(remote, "_PAUSES", (0, 0, 0))
    monkeypatch.setattr(remote_web, "_RETRIES", remote_web._RETRIES.new(backoff_factor=0, total=3))


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Serve one file of several parts."""
    with serve_files() as server:
        server.files = {"data/train.bin": DATA}
        yield server


def bring(tmp_path: Path, uri: str, **fields: str) -> dict[str, object]:
    """Run the container and return what the program finds."""
    target = tmp_path / "inputs/train"
    task = DownloadInputs(inputs=(Input(name="train", uri=uri, target=str(target), **fields),))
    inputs.run(task.model_dump_json())
    return laid_out(target)


def claim(tmp_path: Path) -> Path:
    """Return a mounted claim with files of several sizes, an empty one and links."""
    folder = tmp_path / "claim"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "lost+found").mkdir()
    (folder / "large.bin").write_bytes(DATA)
    (folder / "deep/er/odd #?%41 name").write_bytes(b"small")
    (folder / "empty").touch()
    (folder / "deep/link").symlink_to("../large.bin")
    return folder


EVERYTHING = {
    "large.bin": DATA,
    "deep": None,
    "deep/er": None,
    "deep/er/odd #?%41 name": b"small",
    "deep/link": "-> ../large.bin",
    "empty": b"",
}


def test_folder_of_a_claim_arrives_with_its_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bring(tmp_path, f"file://{claim(tmp_path)}") == EVERYTHING
    assert "Input 'train': 293.0 KiB of 293.0 KiB (100 %), 4 of 4 files," in capsys.readouterr().out


def test_single_file_of_a_claim_arrives_under_its_name(tmp_path: Path) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    assert bring(tmp_path, f"file://{claim(tmp_path)}/large.bin", sha256=digest) == {"large.bin": DATA}


def test_everything_can_be_read_by_another_user(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        bring(tmp_path, f"file://{claim(tmp_path)}")
    finally:
        os.umask(before)
    for path in (path for path in (tmp_path / "inputs").rglob("*") if not path.is_symlink()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o777 if path.is_dir() else 0o666), path


def test_second_run_brings_only_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = claim(tmp_path)
    bring(tmp_path, f"file://{source}")
    (source / "deep/er/odd #?%41 name").write_bytes(b"other")
    (source / "empty").unlink()
    (source / "new").write_bytes(b"n")
    brought: list[str] = []
    read = remote.read_steadily

    def noted(*words: object, **more: object) -> Iterator[tuple[int, bytes]]:
        brought.append(words[1].path)  # type: ignore[attr-defined]
        return read(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(download, "read_steadily", noted)
    found = bring(tmp_path, f"file://{source}")
    assert sorted(brought) == ["deep/er/odd #?%41 name", "new"]
    expected = {**EVERYTHING, "deep/er/odd #?%41 name": b"other", "new": b"n"}
    del expected["empty"]
    assert found == expected


def test_node_that_has_booted_since_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not on its disk yet is lost although names and sizes are there."""
    source = claim(tmp_path)
    bring(tmp_path, f"file://{source}")
    arrived = tmp_path / "inputs/train/large.bin"
    info = arrived.stat()
    arrived.write_bytes(bytes(len(DATA)))
    os.utime(arrived, ns=(info.st_mtime_ns, info.st_mtime_ns))
    (tmp_path / "boot").write_text("another")
    monkeypatch.setattr(download, "_BOOT", tmp_path / "boot")
    assert bring(tmp_path, f"file://{source}") == EVERYTHING


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("/etc/passwd", "is a link that leads out of the input, to '/etc/passwd'"),
        ("../outside", "is a link that leads out of the input, to '../outside'"),
        ("loop", "is a link that leads out of the input, to 'loop'"),
    ],
)
def test_link_of_a_claim_that_leaves_it_is_refused(tmp_path: Path, to: str, problem: str) -> None:
    """What lies outside are the container's own files, the credentials of other inputs among them."""
    source = claim(tmp_path)
    (source / "loop").symlink_to(to)
    with pytest.raises(RefusedError, match=f"Input 'train': .*/loop {problem}"):
        bring(tmp_path, f"file://{source}")


def test_pipe_in_a_claim_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(claim(tmp_path) / "pipe")
    with pytest.raises(RefusedError, match="pipe is a device, a pipe or a socket"):
        bring(tmp_path, f"file://{tmp_path}/claim")


def test_missing_data_are_named(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(RefusedError, match=f"Input 'train': There is no {tmp_path}/none"):
        bring(tmp_path, f"file://{tmp_path}/none")
    with pytest.raises(RefusedError, match=f"Input 'train': there is nothing at file://{tmp_path}/nothing"):
        bring(tmp_path, f"file://{tmp_path}/nothing")
    with pytest.raises(
        RefusedError, match=f"Input 'train': Could not read {server.url}/none: .* 404, it does not exist"
    ):
        bring(tmp_path, f"{server.url}/none")


def test_wrong_digest_is_refused_and_the_file_removed(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=f"Input 'train': 'large.bin' has the sha256 .*, not {'0' * 64}"):
        bring(tmp_path, f"file://{claim(tmp_path)}/large.bin", sha256="0" * 64)
    assert laid_out(tmp_path / "inputs/train") == {}


def test_digest_of_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has 4 files, and a sha256 is given, which is that of a single file"):
        bring(tmp_path, f"file://{claim(tmp_path)}", sha256="0" * 64)


def test_too_little_room_is_refused_before_anything_is_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(RefusedError, match="Input 'train' does not fit: 300005 bytes are missing, 1000 are free"):
        bring(tmp_path, f"file://{claim(tmp_path)}")
    assert laid_out(tmp_path / "inputs/train") == {}


def test_volume_that_fills_up_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RefusedError, match="Input 'train' does not fit: no space is left in the pod's volume"):
        bring(tmp_path, f"file://{claim(tmp_path)}")


@pytest.mark.parametrize("options", [{}, {"ranges": False}, {"ranges": False, "lengths": False}])
def test_file_of_any_http_server_arrives(tmp_path: Path, server: FileServer, options: dict[str, bool]) -> None:
    for name, value in options.items():
        setattr(server, name, value)
    digest = hashlib.sha256(DATA).hexdigest()
    assert bring(tmp_path, f"{server.url}/data/train.bin?signature=s", sha256=digest) == {"train.bin": DATA}


def test_large_file_is_asked_for_in_parts(tmp_path: Path, server: FileServer) -> None:
    bring(tmp_path, f"{server.url}/data/train.bin")
    ranges = {request.rpartition("bytes=")[2] for request in server.requests}
    assert {"0-65535", "65536-131071", "262144-299999"} <= ranges


def test_broken_connections_go_on_where_they_were(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_web, "_CHUNK", 1000)
    server.cut_after, server.cuts = 10_000, 7
    assert bring(tmp_path, f"{server.url}/data/train.bin") == {"train.bin": DATA}
    assert server.cuts == 0
    assert server.sent <= len(DATA) + 7 * 1000 + 1


def test_broken_connection_of_a_server_without_ranges_begins_anew(tmp_path: Path, server: FileServer) -> None:
    server.cut_after, server.cuts, server.ranges = 100_000, 3, False
    assert bring(tmp_path, f"{server.url}/data/train.bin") == {"train.bin": DATA}


def test_killed_container_goes_on_with_the_parts_it_lacks(tmp_path: Path, server: FileServer) -> None:
    server.cut_after, server.cuts = PART // 2, 20
    with pytest.raises(UnavailableError, match="Input 'train': Could not read http"):
        bring(tmp_path, f"{server.url}/data/train.bin")
    state = tmp_path / "inputs/.train.download"
    journal = next(state.glob("*.parts"))
    part = next(state.glob("*.part"))
    with part.open("r+b") as file:
        file.seek(2 * PART)
        file.write(DATA[2 * PART : 3 * PART])
    with journal.open("a") as file_of_parts:
        file_of_parts.write("2\n0")  # the last number was cut off
    server.cuts, server.requests[:] = 0, []
    assert bring(tmp_path, f"{server.url}/data/train.bin") == {"train.bin": DATA}
    assert not any(f"bytes={2 * PART}-" in request for request in server.requests)
    assert any("bytes=0-65535" in request for request in server.requests)


def test_parts_of_another_version_are_not_kept(tmp_path: Path, server: FileServer) -> None:
    server.cut_after, server.cuts = PART // 2, 20
    with pytest.raises(UnavailableError):
        bring(tmp_path, f"{server.url}/data/train.bin")
    server.files["data/train.bin"], server.tag, server.cuts = DATA[::-1], '"2"', 0
    assert bring(tmp_path, f"{server.url}/data/train.bin") == {"train.bin": DATA[::-1]}


def test_server_that_fails_for_a_moment_is_asked_again(tmp_path: Path, server: FileServer) -> None:
    server.failures = 2
    assert bring(tmp_path, f"{server.url}/data/train.bin") == {"train.bin": DATA}


def test_server_that_keeps_failing_is_unavailable(tmp_path: Path, server: FileServer) -> None:
    server.failures = 1000
    with pytest.raises(UnavailableError, match=r"Input 'train': Could not read http.*: the server answers 503"):
        bring(tmp_path, f"{server.url}/data/train.bin")


def test_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="the server does not answer"):
        bring(tmp_path, "http://127.0.0.1:9/x")


@pytest.mark.parametrize(
    ("secret", "right"),
    [
        ({"authorization": "Bearer hunter2"}, "Bearer hunter2"),
        ({"username": "u", "password": "hunter2"}, "Basic dTpodW50ZXIy"),
    ],
)
def test_credentials_are_sent_and_shown_nowhere(
    tmp_path: Path, server: FileServer, secret: dict[str, str], right: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server.authorization = right
    with pytest.raises(RefusedError, match="the server answers 401, it does not allow it"):
        bring(tmp_path, f"{server.url}/data/train.bin?token=hunter2")
    (tmp_path / "secret").mkdir()
    for name, value in secret.items():
        (tmp_path / "secret" / name).write_text(value)
    assert bring(tmp_path, f"{server.url}/data/train.bin", credentials=str(tmp_path / "secret"))
    assert "hunter2" not in "".join(capfd.readouterr())


def test_server_of_an_authority_of_its_own_is_trusted_by_the_secret(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    authority.create()
    with serve_files(authority.issue("server", "server", addresses=("IP:127.0.0.1",))) as server:
        server.files = {"x": b"x"}
        with pytest.raises(RefusedError, match=r"the server's certificate is not trusted; ca\.crt of a Secret"):
            bring(tmp_path, f"{server.url}/x")
        (tmp_path / "secret").mkdir()
        (tmp_path / "secret/ca.crt").write_text("none")
        with pytest.raises(RefusedError, match=r"The ca\.crt of the Secret holds no certificates"):
            bring(tmp_path, f"{server.url}/x", credentials=str(tmp_path / "secret"))
        (tmp_path / "secret/ca.crt").write_bytes(authority.pair.certificate.read_bytes())
        assert bring(tmp_path, f"{server.url}/x", credentials=str(tmp_path / "secret")) == {"x": b"x"}


def test_error_about_a_signed_address_does_not_show_its_signature(tmp_path: Path, server: FileServer) -> None:
    with pytest.raises(RefusedError) as refusal:
        bring(tmp_path, f"{server.url}/none?X-Amz-Signature=hunter2")
    assert "hunter2" not in str(refusal.value)


def test_several_inputs_arrive_each_in_its_own_folder(tmp_path: Path, server: FileServer) -> None:
    source = claim(tmp_path)
    wanted = (
        Input(name="a", uri=f"{server.url}/data/train.bin", target=str(tmp_path / "inputs/a")),
        Input(name="b", uri=f"file://{source}/deep", target=str(tmp_path / "inputs/b")),
    )
    with pytest.raises(RefusedError, match=r"Input 'b': .*/deep/link is a link that leads out of the input"):
        inputs.run(DownloadInputs(inputs=wanted).model_dump_json())
    (source / "deep/link").unlink()
    inputs.run(DownloadInputs(inputs=wanted).model_dump_json())
    assert laid_out(tmp_path / "inputs/a") == {"train.bin": DATA}
    assert laid_out(tmp_path / "inputs/b") == {"er": None, "er/odd #?%41 name": b"small"}
