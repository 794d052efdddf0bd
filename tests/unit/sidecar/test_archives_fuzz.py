"""Whatever an archive says, nothing is written outside its folder, no limit is exceeded, and the error is ours."""

import random
import stat
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.hostile_archives import entry, file, link, tar_of, zip_entry, zip_of
from trainingjob.sidecar.archives import extract
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.tree import Tree

MAX_BYTES, MAX_FILES = 2000, 8

PARTS = st.sampled_from(["a", "b", "..", ".", "", "outside", "target", "n" * 300])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
CONTENTS = st.integers(0, 1500).map(lambda size: b"x" * size)
TAR_KINDS = st.sampled_from(
    [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"Z"]
)
TAR_MEMBERS = st.one_of(
    st.builds(file, NAMES, CONTENTS, st.integers(0, 0o7777)),
    st.builds(link, NAMES, NAMES),
    st.builds(entry, NAMES, TAR_KINDS, NAMES),
)
TARS = st.lists(TAR_MEMBERS, max_size=14).map(lambda members: tar_of(*members, compression="gz"))
ZIP_MODES = st.sampled_from([stat.S_IFREG | 0o6777, stat.S_IFLNK | 0o777, stat.S_IFIFO, 0])
ZIP_MEMBERS = st.tuples(
    st.builds(zip_entry, NAMES, ZIP_MODES), st.one_of(CONTENTS, NAMES.map(lambda name: name.encode()))
)
ZIPS = st.lists(ZIP_MEMBERS, max_size=14).map(lambda members: zip_of(*members))


def check(data: bytes) -> bool:
    """Unpack into a folder of its own, look at what happened, and return whether it was accepted."""
    with tempfile.TemporaryDirectory() as place:
        around = Path(place).resolve()
        (around / "archive").write_bytes(data)
        (around / "outside").mkdir()
        target = around / "target"
        target.mkdir()
        message = ""
        try:
            with Tree(target, "the archive", max_bytes=MAX_BYTES, max_files=MAX_FILES) as tree:
                extract(around / "archive", tree)
        except RefusedError as error:
            message = str(error)
        assert sorted(path.name for path in around.iterdir()) == ["archive", "outside", "target"]
        assert (around / "archive").read_bytes() == data
        assert not list((around / "outside").iterdir())
        _check_inside(target)
        assert message.isprintable()
        return not message


def _check_inside(target: Path) -> None:
    kinds = {path: path.lstat() for path in target.rglob("*")}
    regular = [info for info in kinds.values() if stat.S_ISREG(info.st_mode)]
    links = [path for path, info in kinds.items() if stat.S_ISLNK(info.st_mode)]
    folders = [info for info in kinds.values() if stat.S_ISDIR(info.st_mode)]
    assert len(kinds) == len(regular) + len(links) + len(folders)
    assert sum({info.st_ino: info.st_size for info in regular}.values()) <= MAX_BYTES
    assert len(regular) + len(links) <= MAX_FILES
    assert len(folders) <= MAX_FILES + 1
    assert not any(info.st_mode & (stat.S_ISUID | stat.S_ISGID) for info in regular)
    for path in links:
        try:
            # Python resolves `a -> a//a`, a circle, to `/a`: the kernel is asked first.
            with suppress(FileNotFoundError):
                path.stat()
            end = path.resolve()
        except (OSError, RuntimeError):  # to a name that cannot exist, or in a circle
            continue
        assert end.is_relative_to(target), f"{path} -> {path.readlink()}"


@given(TARS)
def test_any_tar_stays_inside_and_within_its_limits(data: bytes) -> None:
    check(data)


@given(ZIPS)
def test_any_zip_stays_inside_and_within_its_limits(data: bytes) -> None:
    check(data)


@settings(max_examples=300)
@given(st.binary(max_size=2048), st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]))
def test_noise_is_refused_in_our_own_words(data: bytes, start: bytes) -> None:
    check(start + data)


def seeds() -> list[bytes]:
    """Return archives of every kind, small enough that a change hits something."""
    long = entry("long/" * 30 + "name")
    named = file("pax")
    named[0].pax_headers = {"comment": "c" * 50, "path": "other"}
    members: list[tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]] = [
        file("a", b"a" * 600, 0o755),
        entry("d", tarfile.DIRTYPE),
        link("d/l", "../a"),
        long,
        named,
    ]
    members.append(entry("h", tarfile.LNKTYPE, "a"))
    sparse = entry("holes")
    sparse.pax_headers = {"GNU.sparse.map": "0,1,99,1", "GNU.sparse.size": "100"}
    plain = zip_of(("a", b"a" * 600), ("d/", b""), (zip_entry("l", stat.S_IFLNK), b"a"))
    tars = [tar_of(*members, compression=kind) for kind in ("", "gz", "bz2", "xz")]
    return [*tars, tar_of((sparse, b"xy")), plain, zip_of(("a", b"a" * 600), method=0)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the data with some bytes changed, cut, doubled or moved."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) or 1)
        size = chance.choice([1, 1, 8, 512])
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + 1] = chance.choice([b"\0", b"\xff", b"/", b".", b"7", b"-"])
            case 2:
                del changed[at : at + size]
            case 3:
                changed[at:at] = changed[at : at + size]
            case 4:
                changed[at : at + 8] = chance.choice([b"\x80" + b"\xff" * 7, b"\xff" * 8, b"77777777", bytes(8)])
            case _:
                changed = changed[: max(at, 1)]
    return bytes(changed)


def fuzz(rounds: int, seed: int) -> None:
    """Check many changed archives; their seed stands in the error."""
    originals = seeds()
    accepted = 0
    for number in range(rounds):
        chance = random.Random(seed * 1_000_003 + number)
        data = mutated(chance.choice(originals), chance)
        try:
            accepted += check(data)
        except Exception as error:
            raise AssertionError(f"round {number} of seed {seed}") from error
    assert accepted, "no changed archive was still readable: the changes are too many to test anything"
    assert accepted < rounds


def test_changed_archives_stay_inside_and_are_refused_in_our_own_words() -> None:
    fuzz(600, seed=1)


@pytest.mark.long
def test_many_changed_archives_stay_inside_and_are_refused_in_our_own_words() -> None:
    fuzz(20_000, seed=2)
