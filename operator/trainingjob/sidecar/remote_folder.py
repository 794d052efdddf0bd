"""Read files of a mounted claim, without obeying links that lead out of the folder that was asked for."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trainingjob.sidecar.errors import RefusedError, UnavailableError
from trainingjob.sidecar.remote import ChangedError, Wanted
from trainingjob.sidecar.store_errors import MissingError

_CHUNK: Final = 1 << 20
_OF_THE_DISK: Final = "lost+found"
"""A folder that file systems make at the top of a volume."""


class Folder:
    """A folder or a file of a file system."""

    def __init__(self, uri: str) -> None:
        """Read what a `file://` URI names; its path stands as it is, without escapes."""
        self.uri = uri
        self._root = Path("/") / uri.removeprefix("file://").lstrip("/")

    def children(self) -> tuple[list[str], list[str]]:
        """Return the names of the folders and files directly below the folder."""
        if not self._root.exists():
            return [], []
        with self._explained(self._root):
            entries = list(os.scandir(self._root))
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return folders, [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]

    def find(self) -> list[Wanted]:
        """Return the file, or the files and links of the folder; devices, pipes and sockets are refused."""
        with self._explained(self._root):
            if self._root.is_dir():
                return sorted(self._walk(), key=lambda file: file.path)
            if self._root.is_symlink():
                raise RefusedError(f"{self.uri} is a link; name the file that it leads to.")
            info = self._root.lstat()
        return [self._wanted(self._root, self._root.name, info)]

    def read(self, wanted: Wanted, start: int, end: int | None) -> Iterator[bytes]:
        """Yield bytes of a file that has not changed since it was found."""
        with self._explained(Path(wanted.key)):
            # Somebody else may have put a link or a pipe in its place by now.
            file = os.open(wanted.key, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                info = os.fstat(file)
                if (str(info.st_mtime_ns), info.st_size) != (wanted.version, wanted.size):
                    raise ChangedError(f"The file {wanted.key} was changed while it was read.")
                left = info.st_size if end is None else end
                while start < left and (chunk := os.pread(file, min(_CHUNK, left - start), start)):
                    start += len(chunk)
                    yield chunk
            finally:
                os.close(file)

    def _walk(self) -> Iterator[Wanted]:
        folders = [self._root]
        while folders:
            for path in folders.pop().iterdir():
                name = str(path.relative_to(self._root))
                info = path.lstat()
                if stat.S_ISLNK(info.st_mode):
                    yield Wanted(name, str(path), 0, link=self._checked_link(path))
                elif not stat.S_ISDIR(info.st_mode):
                    yield self._wanted(path, name, info)
                elif name != _OF_THE_DISK:
                    folders.append(path)

    def _wanted(self, path: Path, name: str, info: os.stat_result) -> Wanted:
        if not stat.S_ISREG(info.st_mode):
            raise RefusedError(f"{path} is a device, a pipe or a socket, which cannot be an input.")
        return Wanted(name, str(path), info.st_size, str(info.st_mtime_ns), info.st_mtime_ns)

    def _checked_link(self, path: Path) -> str:
        to = path.readlink()
        root = self._root.resolve()
        try:
            inside = path.resolve().is_relative_to(root) and not to.is_absolute()
        except RuntimeError:  # in a circle
            inside = False
        if not inside:
            raise RefusedError(f"{path} is a link that leads out of the input, to {str(to)[:200]!r}.")
        return str(to)

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise MissingError(f"There is no {path}.") from None
        except PermissionError:
            raise RefusedError(f"{path} cannot be read by user {os.getuid()}.") from None
        except OSError as error:
            raise UnavailableError(f"The volume of {path} answers with an error: {error.strerror}.") from None
