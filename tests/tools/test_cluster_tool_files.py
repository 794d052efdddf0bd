"""Certificates, kubeconfigs and images that the tool makes itself."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from devtools.cluster.certificates import Authority, subject
from devtools.cluster.images import pack_program
from devtools.cluster.kubeconfig import kubeconfig_text, write_private


def _openssl(*words: str | Path) -> str:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority of the test's own."""
    found = Authority(tmp_path / "pki")
    found.create()
    return found


def test_a_certificate_names_user_and_groups_and_is_signed_by_the_authority(authority: Authority) -> None:
    pair = authority.issue("jane", "jane/doe+x", ("team-a", "team/b"))
    assert _openssl("verify", "-CAfile", authority.pair.certificate, pair.certificate).endswith(": OK\n")
    named = _openssl("x509", "-in", pair.certificate, "-noout", "-subject", "-nameopt", "sep_multiline,utf8")
    assert named.split("\n    ")[1:] == ["O=team-a", "O=team/b", "CN=jane/doe+x\n"]


def test_a_server_s_certificate_names_its_addresses(authority: Authority) -> None:
    pair = authority.issue("server", "server", addresses=["DNS:localhost", "IP:127.0.0.1"])
    text = _openssl("x509", "-in", pair.certificate, "-noout", "-text")
    assert "DNS:localhost, IP Address:127.0.0.1" in text
    assert "TLS Web Server Authentication" in text


def test_what_was_issued_once_stays_as_it_is(authority: Authority) -> None:
    first = authority.issue("jane", "jane").certificate.read_bytes()
    authority.create()
    assert authority.issue("jane", "jane").certificate.read_bytes() == first


def test_keys_can_be_read_by_their_owner_only(authority: Authority) -> None:
    assert authority.issue("jane", "jane").key.stat().st_mode & 0o077 == 0


def test_letters_that_separate_parts_of_a_subject_are_escaped() -> None:
    assert subject("a/b+c", ["d\\e"]) == r"/O=d\\e/CN=a\/b\+c"


def test_a_kubeconfig_holds_everything_and_is_private(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue("jane", "system:node:x", ("team",))
    path = tmp_path / "kubeconfig"
    text = kubeconfig_text("one", "https://127.0.0.1:6443", authority.pair.certificate, "system:node:x", pair)
    write_private(path, text)
    parsed = yaml.safe_load(path.read_text())
    assert parsed["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert parsed["users"][0]["name"] == parsed["contexts"][0]["context"]["user"] == "system:node:x"
    assert parsed["current-context"] == "one"
    assert path.stat().st_mode & 0o077 == 0


def test_a_packed_program_is_an_image_as_docker_saves_it(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    pack_program(program, "localhost/pause:1", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames()}
        contents = {name: file.read() for name, file in files.items() if file}
    (manifest,) = json.loads(contents["manifest.json"])
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    assert json.loads(contents[manifest["Config"]])["config"]["Entrypoint"] == ["/pause"]
    with tarfile.open(fileobj=io.BytesIO(contents[manifest["Layers"][0]])) as layer:
        assert layer.getmember("pause").mode == 0o755


def test_the_same_program_makes_the_same_image(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    for name in ("a.tar", "b.tar"):
        pack_program(program, "localhost/pause:1", tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
