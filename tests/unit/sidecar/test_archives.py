"""Archives are unpacked as their makers meant them, or refused with the member and what is wrong."""

import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.hostile_archives import entry, file, laid_out, link, tar_of, zip_entry, zip_of
from trainingjob.sidecar.archives import extract
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.tree import Tree

KB = 1024


def unpack(tmp_path: Path, data: bytes, *, max_bytes: int = 100 * KB, max_files: int = 20) -> dict[str, object]:
    """Unpack into a new folder and return what is there; a file beside it must stay as it is."""
    archive, target, outside = tmp_path / "code.bin", tmp_path / "target", tmp_path / "outside"
    archive.write_bytes(data)
    outside.write_text("untouched")
    target.mkdir()
    try:
        with Tree(target, "the archive", max_bytes=max_bytes, max_files=max_files) as tree:
            extract(archive, tree)
    finally:
        assert outside.read_text() == "untouched"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["code.bin", "outside", "target"]
    return laid_out(target)


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_tar_of_each_compression_is_unpacked(tmp_path: Path, compression: str) -> None:
    data = tar_of(
        entry("./", tarfile.DIRTYPE),
        file("./train.py", b"print()"),
        file("pkg/deep/a.txt", b"a" * 70_000),
        entry("empty/", tarfile.DIRTYPE),
        link("latest", "pkg/deep"),
        link("pkg/deep/up", "../../train.py"),
        entry("copy.py", tarfile.LNKTYPE, "./train.py"),
        compression=compression,
    )
    assert unpack(tmp_path, data) == {
        "train.py": b"print()",
        "copy.py": b"print()",
        "pkg": None,
        "pkg/deep": None,
        "pkg/deep/a.txt": b"a" * 70_000,
        "pkg/deep/up": "-> ../../train.py",
        "empty": None,
        "latest": "-> pkg/deep",
    }


def test_zip_is_unpacked(tmp_path: Path) -> None:
    data = zip_of(
        ("empty/", b""),
        ("train.py", b"print()"),
        ("pkg/a.txt", b"a" * 70_000),
        (zip_entry("latest", stat.S_IFLNK | 0o777), b"pkg"),
    )
    expected = {
        "empty": None,
        "train.py": b"print()",
        "pkg": None,
        "pkg/a.txt": b"a" * 70_000,
        "latest": "-> pkg",
    }
    assert unpack(tmp_path, data) == expected


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_only_the_mark_of_a_program_is_kept_of_the_rights(tmp_path: Path, kind: str) -> None:
    modes = {"plain": 0o600, "program": 0o4755, "group": 0o2010}
    tar = tar_of(*(file(name, mode=mode) for name, mode in modes.items()))
    packed = zip_of(*((zip_entry(name, stat.S_IFREG | mode), b"x") for name, mode in modes.items()))
    before = os.umask(0)
    try:
        unpack(tmp_path, tar if kind == "tar" else packed)
    finally:
        os.umask(before)
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "target").iterdir()}
    assert found == {"plain": 0o666, "program": 0o777, "group": 0o666}


HOSTILE_TARS = {
    "an absolute name": ([file("/etc/passwd")], "'/etc/passwd' is an absolute path"),
    "a name that leaves": ([file("a/../../outside")], "'a/../../outside' contains '..'"),
    "a folder that leaves": ([entry("../new", tarfile.DIRTYPE)], "'../new' contains '..'"),
    "an absolute link": ([link("a", "/etc")], "'a' is a link that leads out of the folder, to '/etc'"),
    "a link that leaves": ([link("d/a", "../../outside")], "'d/a' is a link that leads out"),
    "a link to nothing": ([link("a", "")], "'a' is a link that leads out"),
    "a link to a name too long": ([link("a", "n" * 256)], "'a' is a link to a name that is too long"),
    "a link up behind a name": ([link("d/e/up", "../.."), link("out", "d/e/up/..")], "'out' is a link that leads out"),
    "a file through a link": ([link("a", "."), file("a/x")], "'a/x' leads through a link or a file"),
    "a file in a link's place": ([link("a", "b"), file("a")], "'a' occurs twice"),
    "a file twice": ([file("a"), file("a")], "'a' occurs twice"),
    "a folder in a link's place": ([link("a", "b"), entry("a", tarfile.DIRTYPE)], "'a' leads through a link"),
    "a link in a folder's place": ([entry("a", tarfile.DIRTYPE), link("a", "b")], "'a' occurs twice"),
    "a file below a file": ([file("a"), file("a/b")], "'a/b' leads through a link or a file"),
    "a hard link that leaves": ([entry("a", tarfile.LNKTYPE, "../outside")], "'../outside' contains '..'"),
    "an absolute hard link": ([entry("a", tarfile.LNKTYPE, "/etc/passwd")], "'/etc/passwd' is an absolute path"),
    "a hard link to a link": (
        [link("d/e/up", "../../x"), entry("up", tarfile.LNKTYPE, "d/e/up")],
        "'up' is a link to 'd/e/up', which is no file before it",
    ),
    "a hard link to nothing": ([entry("a", tarfile.LNKTYPE, "b")], "'a' is a link to 'b', which is no file before it"),
    "a hard link to a folder": (
        [entry("b", tarfile.DIRTYPE), entry("a", tarfile.LNKTYPE, "b")],
        "'a' is a link to 'b', which is no file before it",
    ),
    "a device": ([entry("null", tarfile.CHRTYPE)], "'null' is a device"),
    "a disk": ([entry("sda", tarfile.BLKTYPE)], "'sda' is a device"),
    "a pipe": ([entry("pipe", tarfile.FIFOTYPE)], "'pipe' is a pipe"),
    "an unknown kind": ([entry("odd", b"Z")], "'odd' is of an unknown kind"),
    "a part of a name too long": ([file("n" * 300)], "has a part that is longer than the file system takes"),
    "a name too long": ([file("n/" * 1100 + "x")], "is longer than 2048 bytes"),
    "too deep": ([file("n/" * 100 + "x")], "lies more than 100 folders deep"),
    "no name": ([file(".")], "'.' is no name of a file"),
    "control characters in a name": ([file("/\x1b[31m\n")], r"'/\x1b[31m\n' is an absolute path"),
    "too many bytes": ([file("a", b"a" * 60 * KB), file("b", b"b" * 60 * KB)], "'b' makes it more than 102400 bytes"),
    "too many files": ([file(f"f{n:02}") for n in range(21)], "'f20' makes it more than 20 files"),
    "too many folders": ([file("d/" * 21 + "x")], "makes it more than 20 folders"),
    "the same folder again and again": ([entry("d", tarfile.DIRTYPE)] * 21, "'d' makes it more than 20 folders"),
    "too many links": ([link(f"l{n:02}", "x") for n in range(21)], "'l20' makes it more than 20 files"),
}


@pytest.mark.parametrize(("members", "message"), HOSTILE_TARS.values(), ids=HOSTILE_TARS)
def test_hostile_tar_is_refused_with_the_member_and_what_is_wrong(
    tmp_path: Path, members: list[tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]], message: str
) -> None:
    with pytest.raises(RefusedError) as refusal:
        unpack(tmp_path, tar_of(*members, compression="gz"))
    assert str(refusal.value).startswith("the archive: ")
    assert message in str(refusal.value)


HOSTILE_ZIPS = {
    "a name that leaves": (zip_of(("../outside", b"x")), "'../outside' contains '..'"),
    "an absolute name": (zip_of(("/outside", b"x")), "'/outside' is an absolute path"),
    "backslashes": (zip_of((r"a\..\b", b"x")), "has backslashes"),
    "an absolute link": (zip_of((zip_entry("a", stat.S_IFLNK), b"/etc")), "'a' is a link that leads out"),
    "a link that is no text": (zip_of((zip_entry("a", stat.S_IFLNK), b"\xff")), "'a' is damaged"),
    "a file through a link": (zip_of((zip_entry("a", stat.S_IFLNK), b"."), ("a/x", b"")), "'a/x' leads through a link"),
    "a pipe": (zip_of((zip_entry("p", stat.S_IFIFO), b"")), "'p' is a device, a pipe or a socket"),
    "a bomb": (zip_of(("zeros", bytes(200 * KB))), "'zeros' makes it more than 102400 bytes"),
    "too many files": (zip_of(*((f"f{n:02}", b"") for n in range(21))), "'f20' makes it more than 20 files"),
    "a list without end": (zip_of(*((f"{n:200}", b"") for n in range(5000))), "a list of contents beyond all limits"),
    "a rare method": (zip_of(("a", b"x"), method=zipfile.ZIP_LZMA), "'a' is packed by a rare method"),
    "half a file": (zip_of(("a", b"x" * 1000))[:-10], "is damaged"),
    "a changed byte": (zip_of(("a", b"xyz"), method=zipfile.ZIP_STORED).replace(b"xyz", b"xyy", 1), "'a' is damaged"),
}


@pytest.mark.parametrize(("data", "message"), HOSTILE_ZIPS.values(), ids=HOSTILE_ZIPS)
def test_hostile_zip_is_refused_with_the_member_and_what_is_wrong(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        unpack(tmp_path, data)
    assert message in str(refusal.value)


def test_encrypted_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of(("secret.py", b"x")))
    data[6] |= 1  # in the member's own header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # in the list of contents
    with pytest.raises(RefusedError, match=r"'secret\.py' is encrypted; pack it without a password"):
        unpack(tmp_path, bytes(data))


def test_bomb_in_a_tar_is_stopped_at_the_limit_and_not_at_its_end(tmp_path: Path) -> None:
    """A gigabyte of zeros takes 1 MB; what was written of it before the refusal is not more than the limit."""
    with pytest.raises(RefusedError, match="more than 102400 bytes"):
        unpack(tmp_path, tar_of(file("zeros", bytes(50_000_000)), compression="gz"))
    assert (tmp_path / "target/zeros").stat().st_size <= 100 * KB


def test_header_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    named = entry("x" * 100)
    named.pax_headers = {"comment": "c" * 500_000}
    with pytest.raises(RefusedError, match="headers or gaps beyond all limits"):
        unpack(tmp_path, tar_of(named, compression="gz"))


def test_headers_of_headers_are_refused(tmp_path: Path) -> None:
    """The library reads them by calling itself, once for each."""
    whole = tar_of(entry("././@LongLink", tarfile.GNUTYPE_LONGNAME))
    with pytest.raises(RefusedError, match=r"damaged|beyond all limits"):
        unpack(tmp_path, whole[:512] * 5000)


def test_sparse_file_is_refused(tmp_path: Path) -> None:
    sparse = entry("holes")
    sparse.pax_headers = {"GNU.sparse.map": "0,1,99999999,1", "GNU.sparse.size": "100000000"}
    with pytest.raises(RefusedError, match="'holes' is a sparse file"):
        unpack(tmp_path, tar_of((sparse, b"xy")))


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_changed_byte_in_a_compressed_tar_is_noticed(tmp_path: Path, compression: str) -> None:
    data = bytearray(tar_of(file("a", os.urandom(2000)), compression=compression))
    data[len(data) // 2] ^= 1
    with pytest.raises(RefusedError, match="damaged"):
        unpack(tmp_path, bytes(data))


@pytest.mark.parametrize("length", [700, 1500, 2600])
def test_cut_tar_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(RefusedError, match="damaged"):
        unpack(tmp_path, tar_of(file("a", b"a" * 1000), file("b", b"b" * 1000))[:length])


def test_damaged_header_in_the_middle_is_no_end(tmp_path: Path) -> None:
    data = bytearray(tar_of(file("a"), file("b")))
    data[1024 + 10] ^= 1
    with pytest.raises(RefusedError, match="'a' is damaged"):
        unpack(tmp_path, bytes(data))


@pytest.mark.parametrize("data", [b"", b"print('no archive')\n" * 100, b"\x1f\x8b" + bytes(100), b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(RefusedError, match=r"'code.bin' is damaged"):
        unpack(tmp_path, data)


def test_zstd_is_refused_with_what_to_use(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="compressed with zstd; use gzip, xz or bzip2"):
        unpack(tmp_path, b"\x28\xb5\x2f\xfd" + bytes(100))


def test_empty_archives_are_unpacked(tmp_path: Path) -> None:
    for number, data in enumerate([tar_of(), tar_of(compression="gz"), zip_of()]):
        (tmp_path / str(number)).mkdir()
        assert unpack(tmp_path / str(number), data) == {}
