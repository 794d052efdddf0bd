"""Bring many files from one place into a folder: several at a time, large ones in parts, and never twice.

A container that is started anew goes on where it was: files that are there with the size and time of the remote's are
kept, and of a large file those parts that a journal names. What a node had not written to its disk when it crashed is
lost without a trace, so everything starts anew when the node has booted since.
"""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from trainingjob.sidecar.disk import room_for
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.overlaps import folders_of
from trainingjob.sidecar.partial import PartialFile
from trainingjob.sidecar.progress import Progress
from trainingjob.sidecar.remote import Remote, Wanted, read_steadily

_THREADS: Final = 8
_PART: Final = 64 * 2**20
_CHUNK: Final = 1 << 20
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class DamagedError(RefusedError):
    """A file does not have the digest, the size or a name that it may have."""


class Download:
    """The files that are wanted in one folder."""

    def __init__(self, label: str, remote: Remote, wanted: Sequence[Wanted], target: Path, state: Path) -> None:
        """Prepare to bring files into `target`.

        Args:
            label: begins every message.
            remote: where the files are.
            wanted: all of them.
            target: the folder; what else is in it is removed.
            state: a folder of the same file system for what is not finished; it may lie in `target`.
        """
        self._label = label
        self._remote = remote
        self._wanted = wanted
        self._target = target
        self._state = state
        self._stopped = threading.Event()
        self.progress = Progress(label, len(wanted), sum(file.size or 0 for file in wanted))

    def run(self) -> None:
        """Bring the files and print how far it is, at most every ten seconds.

        Raises:
            RefusedError: for a name that leads out, and when there is no room.
            DamagedError: for a file that is not what it should be.
            UnavailableError: the remote did not answer for long.
        """
        _check_names(self._label, self._wanted)
        with room_for(self._label):
            self._prepare()
            self._check_room()
            self._bring()
            self._link()
        self.progress.finish()

    def _prepare(self) -> None:
        boot = _BOOT.read_text() if _BOOT.exists() else ""
        marker = self._state / "boot"
        self._target.mkdir(parents=True, exist_ok=True)
        if not marker.exists() or marker.read_text() != boot:
            shutil.rmtree(self._state, ignore_errors=True)
            remove_below(self._target, frozenset())
            self._state.mkdir(parents=True)
            marker.write_text(boot)
        kept = {file.path for file in self._wanted if not file.link}
        if self._state.is_relative_to(self._target):
            kept |= {str(path.relative_to(self._target)) for path in self._state.iterdir()}
        remove_below(self._target, kept)
        missing = []
        for file in self._wanted:
            if file.link or self._has(file):
                self.progress.skip(0 if file.link else file.size or 0)
            else:
                missing.append(file)
        self._missing = missing

    def _has(self, file: Wanted) -> bool:
        try:
            info = (self._target / file.path).lstat()
        except OSError:
            return False
        return bool(file.stamp) and (info.st_size, info.st_mtime_ns) == (file.size, file.stamp)

    def _check_room(self) -> None:
        free = shutil.disk_usage(self._target).free
        needed = sum(file.size or 0 for file in self._missing) - sum(
            path.stat().st_blocks * 512 for path in self._state.glob("*.part")
        )
        if needed > free:
            raise RefusedError(
                f"{self._label} does not fit: {needed} bytes are missing, {free} are free in the volume."
            )

    def _bring(self) -> None:
        parts = _Shared(self._parts())
        with ThreadPoolExecutor(_THREADS) as pool:
            workers = [pool.submit(self._work, parts) for _ in range(_THREADS)]
            try:
                self._watch(workers)
            finally:
                self._stopped.set()

    def _watch(self, workers: Sequence[Future[None]]) -> None:
        running = set(workers)
        while running:
            done, running = wait(running, timeout=1, return_when=FIRST_EXCEPTION)
            for worker in done:
                worker.result()
            self.progress.tell()

    def _parts(self) -> Iterator[tuple[PartialFile, int]]:
        """Yield the parts that are missing; their files are opened one after the other."""
        for file in self._missing:
            partial = PartialFile(file, self._state, _PART)
            self.progress.skip_bytes(partial.present)
            for number in partial.missing():
                yield partial, number

    def _work(self, parts: "_Shared") -> None:
        for partial, number in parts:
            if not self._bring_part(partial, number):
                return
            if partial.finish(number):
                self._place(partial)

    def _bring_part(self, partial: PartialFile, number: int) -> bool:
        """Bring a part, and return False when it was given up because another one has failed."""
        start, end = partial.bounds(number)
        reached = start
        for position, chunk in read_steadily(self._remote, partial.wanted, start, end, sleep=self._stopped.wait):
            if self._stopped.is_set():
                return False
            partial.write(chunk, position)
            self.progress.add(position + len(chunk) - reached)
            reached = position + len(chunk)
        if end is not None and reached != end:
            raise DamagedError(f"{self._label}: {partial.wanted.path!r} ended after {reached} of {end} bytes.")
        return True

    def _place(self, partial: PartialFile) -> None:
        """Give a file that is whole its name, after a look at its digest."""
        file = partial.wanted
        if file.sha256 and (found := _digest(partial.path)) != file.sha256.lower():
            partial.discard()
            raise DamagedError(f"{self._label}: {file.path!r} has the sha256 {found}, not {file.sha256}.")
        place = self._target / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.move(place)
        self.progress.count()

    def _link(self) -> None:
        for file in self._wanted:
            if file.link:
                place = self._target / file.path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(file.link)


class _Shared:
    """An iterator that several threads use."""

    def __init__(self, items: Iterator[tuple[PartialFile, int]]) -> None:
        self._items = items
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[tuple[PartialFile, int]]:
        return self

    def __next__(self) -> tuple[PartialFile, int]:
        with self._lock:
            return next(self._items)


def _check_names(label: str, files: Sequence[Wanted]) -> None:
    seen: set[str] = set()
    for path in (file.path for file in files):
        if path.startswith("/") or "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise DamagedError(f"{label}: {path[:200]!r} is no name of a file below the folder.")
        if path in seen:
            raise DamagedError(f"{label}: {path[:200]!r} occurs twice.")
        seen.add(path)
    for path in seen:
        if not seen.isdisjoint(folders_of(path)):
            raise DamagedError(f"{label}: {path[:200]!r} is below what is itself a file.")


def remove_below(folder: Path, kept: Set[str]) -> None:
    """Remove the files and links below a folder that are not to be kept, and folders that are empty then."""
    for place, folders, files in os.walk(folder, topdown=False):
        for name in files + [name for name in folders if (Path(place) / name).is_symlink()]:
            path = Path(place) / name
            if str(path.relative_to(folder)) not in kept or path.is_symlink():
                path.unlink()
        if Path(place) != folder and not any(Path(place).iterdir()):
            Path(place).rmdir()


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
