"""Folders of stores: a file is there as a whole, and what is written only once is never replaced."""

import errno
import os
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from tests.support.targets import MemoryTarget
from trainingjob.sidecar.claims import claim
from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.folder_target import FolderTarget
from trainingjob.sidecar.scan import Found, stamp_of
from trainingjob.sidecar.targets import Target, open_target
from trainingjob.sidecar.transfer import ChangedError, UnreadableError, send


@pytest.fixture(params=["memory", "folder"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "memory":
        return MemoryTarget(MemoryStore(), "s3://memory/a/b")
    return FolderTarget(f"file://{tmp_path}/claim/a/b%20")


async def blocks(*content: bytes) -> AsyncIterator[bytes]:
    for block in content:
        yield block


async def torn() -> AsyncIterator[bytes]:
    yield b"x" * 6_000_000
    raise ChangedError


@pytest.mark.parametrize("path", ["model", "deep/er/ü#%20?& name", "deep/.hidden"])
async def test_file_is_there_with_its_name_and_bytes(target: Target, path: str) -> None:
    await target.put(path, 4, blocks(b"ab", b"cd"))
    assert await target.read(path) == b"abcd"
    await target.put(path, 0, blocks())
    assert await target.read(path) == b""


async def test_large_file_is_there_as_a_whole(target: Target) -> None:
    content = [bytes([number]) * 2**20 for number in range(20)]
    await target.put("large", 20 * 2**20, blocks(*content))
    assert await target.read("large") == b"".join(content)


async def test_file_that_changes_on_its_way_leaves_the_one_before(target: Target) -> None:
    await target.put("model", 3, blocks(b"old"))
    with pytest.raises(ChangedError):
        await target.put("model", 12_000_000, torn())
    assert await target.read("model") == b"old"


async def test_file_may_stand_where_a_folder_stood_and_the_other_way_round(tmp_path: Path) -> None:
    target = FolderTarget(f"file://{tmp_path}/claim")
    for path in ("a/b", "a", "a/b/c"):
        await target.put(path, 1, blocks(b"x"))
        assert await target.read(path) == b"x"


async def test_what_is_written_once_is_never_replaced(target: Target) -> None:
    assert await target.create("owner.json", b"first")
    assert await target.create("owner.json", b"first")
    assert not await target.create("owner.json", b"second")
    assert await target.read("owner.json") == b"first"


class Unconditional(MemoryStore):
    """A store that knows no conditional writing."""

    async def put_async(self, path: str, file: Any, *, mode: Any = None, **options: Any) -> Any:
        if mode == "create":
            raise NotImplementedError
        return await super().put_async(path, file, mode=mode, **options)


async def test_store_without_conditional_writing_is_asked_first() -> None:
    target = MemoryTarget(Unconditional(), "s3://memory/a/b")
    assert await target.create("owner.json", b"first")
    assert not await target.create("owner.json", b"second")
    assert await target.read("owner.json") == b"first"


async def test_what_is_not_there_is_none_and_may_be_deleted(target: Target) -> None:
    assert await target.read("absent") is None
    await target.create("there", b"x")
    await target.delete(["absent", "there"])
    assert await target.read("there") is None


async def test_folder_holds_nothing_but_what_was_written(tmp_path: Path) -> None:
    target = FolderTarget(f"file://{tmp_path}/claim")
    with pytest.raises(ChangedError):
        await target.put("torn", 12_000_000, torn())
    await target.put("a/b", 1, blocks(b"x"))
    await target.create("manifest-000001.json", b"{}")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "claim/a/b",
        "claim/manifest-000001.json",
    ]
    assert [path.name for path in (tmp_path / "claim").iterdir() if path.name.startswith(".")] == []


async def test_rests_of_a_killed_sidecar_are_removed(tmp_path: Path) -> None:
    rest = tmp_path / "claim" / ".trainingjob-parts" / "0123"
    rest.parent.mkdir(parents=True)
    rest.write_bytes(b"half")
    await FolderTarget(f"file://{tmp_path}/claim").put("a", 1, blocks(b"x"))
    assert not rest.exists()


async def test_bytes_and_names_reach_the_disk_before_the_manifest_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(tmp_path)}")
        real_sync(descriptor)

    def link(part: Path, final: Path) -> None:
        steps.append("link")
        real_link(part, final)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    target = FolderTarget(f"file://{tmp_path}/claim")
    await target.put("deep/a", 1, blocks(b"x"))
    await target.create("manifest-000001.json", b"{}")
    before = steps[: steps.index("link")]
    assert before[0].startswith("sync claim/.trainingjob-parts/")
    assert {"sync .", "sync claim", "sync claim/deep"} <= set(before)
    assert steps[-1] == "sync claim"


async def test_manifest_is_written_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    target = FolderTarget(f"file://{tmp_path}/claim")
    assert await target.create("owner.json", b"first")
    assert not await target.create("owner.json", b"second")
    assert await target.read("owner.json") == b"first"


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, RefusedError, "the volume is full"),
        (errno.EROFS, RefusedError, "the volume is read-only"),
        (errno.EIO, UnavailableError, "Input/output error"),
        (errno.ESTALE, UnavailableError, "Stale file handle"),
    ],
)
async def test_error_of_a_volume_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind, match=rf"^Could not write file://{tmp_path}/claim/a: {words}\.$"):
        await FolderTarget(f"file://{tmp_path}/claim").put("a", 1, blocks(b"x"))


@pytest.mark.parametrize("uri", ["http://example.com/runs", "https://example.com/runs"])
def test_artifact_cannot_be_kept_on_a_web_server(uri: str) -> None:
    with pytest.raises(RefusedError, match="give s3://, gs:// or az://, or a claim"):
        open_target(uri, "", 1)


async def test_folders_are_claimed_one_after_the_other() -> None:
    store = MemoryStore()
    claimed = [(await claim("s3://memory/a", pod, lambda uri: MemoryTarget(store, uri))).uri for pod in "xyxzy"]
    suffixes = ["", ".1", "", ".2", ".1"]
    assert claimed == [f"s3://memory/a{suffix}" for suffix in suffixes]


class Appending(MemoryTarget):
    """A store during whose work the program goes on writing."""

    def __init__(self, file: Path, change: bytes, mode: str) -> None:
        super().__init__(MemoryStore(), "s3://memory/a")
        self.file, self.change, self.mode = file, change, mode

    async def put(self, path: str, size: int, blocks: AsyncIterable[bytes]) -> None:
        await super().put(path, size, blocks)
        with self.file.open(self.mode) as file:
            file.write(self.change)
        os.utime(self.file, (2e9, 2e9))


def found(file: Path) -> Found:
    return Found(file.name, file.name, stamp_of(file.stat()))


async def test_file_that_is_appended_to_meanwhile_is_taken_as_it_was_and_marked(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n")
    target = Appending(file, b"two\n", "ab")
    sent = await send(target, tmp_path, found(file), growing=False)
    assert (sent.stamp.size, sent.growing) == (4, True)
    assert await target.read("log") == b"one\n"


@pytest.mark.parametrize("change", [b"ONE\n", b"ONE\ntwo\n", b"o"])
async def test_file_that_is_rewritten_meanwhile_is_not_taken(tmp_path: Path, change: bytes) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"one\n")
    with pytest.raises(ChangedError):
        await send(Appending(file, change, "wb"), tmp_path, found(file), growing=True)


async def test_file_that_was_exchanged_since_the_scan_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"one\n")
    seen = found(file)
    (tmp_path / "other").write_bytes(b"two\n")
    (tmp_path / "other").replace(file)
    with pytest.raises(ChangedError):
        await send(MemoryTarget(MemoryStore(), "s3://memory/a"), tmp_path, seen, growing=True)


async def test_link_in_the_place_of_a_file_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"one\n")
    seen = found(file)
    file.unlink()
    file.symlink_to("/etc/passwd")
    with pytest.raises(UnreadableError, match="symbolic links"):
        await send(MemoryTarget(MemoryStore(), "s3://memory/a"), tmp_path, seen, growing=False)
