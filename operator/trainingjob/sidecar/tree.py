"""A folder that is filled with what strangers name: archives, repositories and mounted folders all write through this.

Every name is walked part by part from the folder's own descriptor and no link is followed on the way, so that nothing
can be written elsewhere, whatever was written before. Python's filters for tar files are not enough: they know neither
limits nor zip nor git, and early releases of Python 3.11 have none.
"""

import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from trainingjob.sidecar.errors import RefusedError

_CHUNK: Final = 1 << 18
_LONGEST_NAME: Final = 2048
"""In bytes; the kernel takes 4,096 for a whole path, and programs add their own folders."""
_LONGEST_PART: Final = 255
_DEEPEST: Final = 100
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Readable(Protocol):
    """What a file's content is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class Tree:
    """A folder being filled, with what it may still take; use it in a `with` statement."""

    def __init__(self, root: Path, label: str, *, max_bytes: int, max_files: int) -> None:
        """Fill `root`, which exists; `label` says in messages where the names come from."""
        self._root = os.open(root, _FOLDER)
        self._label = label
        self.max_bytes = max_bytes
        self.max_files = max_files
        self._folders = 0
        self._named = 0
        self.bytes = 0
        """What was written so far."""
        self.files = 0
        """Files and links so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._root)

    def refusal(self, name: str, problem: str) -> RefusedError:
        """Return the error for a name; control characters in it are escaped and a long one is cut."""
        shown = repr(name) if len(name) <= 200 else f"{name[:200]!r}…"
        return RefusedError(f"{self._label}: {shown} {problem}")

    def folder(self, name: str) -> None:
        """Make a folder and those above it; one that is there stays."""
        self._named += 1
        if self._named > self.max_files:
            raise self._too_many_folders(name)
        os.close(self._open_folder(self._parts(name), name))

    def file(self, name: str, content: Readable, *, executable: bool = False) -> None:
        """Write a new file; only the mark of a program is kept of what the source says about rights."""
        folder, base = self._place(name)
        try:
            self._count_file(name)
            file = self._new(folder, base, name, 0o777 if executable else 0o666)
        finally:
            os.close(folder)
        with os.fdopen(file, "wb") as out:
            while chunk := content.read(_CHUNK):
                self.bytes += len(chunk)
                if self.bytes > self.max_bytes:
                    raise self.refusal(name, f"makes it more than {self.max_bytes} bytes, which is the limit")
                self._write(out.fileno(), chunk, name)

    def link(self, name: str, to: str) -> None:
        """Make a symbolic link, if what it leads to lies in the tree, whatever is put there later.

        `..` may only stand at the beginning of `to`: behind a name, which may be a link itself, nobody can tell where
        it leads.
        """
        folder, base = self._place(name)
        try:
            self._check_target(name, to)
            self._count_file(name)
            os.symlink(to, base, dir_fd=folder)
        except OSError as error:
            raise self._explained(error, name) from error
        finally:
            os.close(folder)

    def hard_link(self, name: str, to: str) -> None:
        """Give a file that was written before another name."""
        folder, base = self._place(name)
        try:
            other, other_base = self._place(to)
            try:
                self._count_file(name)
                # A link to a link would be read from another folder, and lead elsewhere than was checked.
                if not stat.S_ISREG(os.stat(other_base, dir_fd=other, follow_symlinks=False).st_mode):
                    raise FileNotFoundError(errno.ENOENT, "no regular file", to)
                os.link(other_base, base, src_dir_fd=other, dst_dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                raise self.refusal(name, f"is a link to {to[:200]!r}, which is no file before it") from None
            except OSError as error:
                raise self._explained(error, name) from error
            finally:
                os.close(other)
        finally:
            os.close(folder)

    def _check_target(self, name: str, to: str) -> None:
        parts = [part for part in to.split("/") if part not in ("", ".")]
        ups = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
        # Whoever lists the folder would stumble over a link to a name that cannot exist.
        longest = max((len(os.fsencode(part)) for part in parts), default=0)
        if longest > _LONGEST_PART or len(os.fsencode(to)) > _LONGEST_NAME:
            raise self.refusal(name, "is a link to a name that is too long")
        leaves = to.startswith("/") or ups > len(self._parts(name)) - 1 or ".." in parts[ups:]
        if leaves or not to or "\0" in to:
            raise self.refusal(name, f"is a link that leads out of the folder, to {to[:200]!r}")

    def _parts(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/"):
            raise self.refusal(name, "is an absolute path")
        if ".." in parts:
            raise self.refusal(name, "contains '..'")
        if "\0" in name:
            raise self.refusal(name, "contains a zero byte")
        if len(os.fsencode(name)) > _LONGEST_NAME:
            raise self.refusal(name, f"is longer than {_LONGEST_NAME} bytes")
        if len(parts) > _DEEPEST:
            raise self.refusal(name, f"lies more than {_DEEPEST} folders deep")
        return parts

    def _place(self, name: str) -> tuple[int, str]:
        """Return the open folder of a name, made where it is missing, and the last part of the name."""
        parts = self._parts(name)
        if not parts or name.endswith("/"):
            raise self.refusal(name, "is no name of a file")
        return self._open_folder(parts[:-1], name), parts[-1]

    def _open_folder(self, parts: list[str], name: str) -> int:
        folder = os.dup(self._root)
        for part in parts:
            above = folder
            try:
                folder = self._enter(above, part, name)
            finally:
                os.close(above)
        return folder

    def _enter(self, above: int, part: str, name: str) -> int:
        try:
            os.mkdir(part, 0o777, dir_fd=above)
            self._folders += 1
            if self._folders > self.max_files:
                raise self._too_many_folders(name)
        except FileExistsError:
            pass
        except OSError as error:
            raise self._explained(error, name) from error
        try:
            return os.open(part, _FOLDER, dir_fd=above)
        except OSError as error:
            raise self._explained(error, name) from error

    def _count_file(self, name: str) -> None:
        self.files += 1
        if self.files > self.max_files:
            raise self.refusal(name, f"makes it more than {self.max_files} files, which is the limit")

    def _too_many_folders(self, name: str) -> RefusedError:
        return self.refusal(name, f"makes it more than {self.max_files} folders, which is the limit")

    def _new(self, folder: int, base: str, name: str, mode: int) -> int:
        try:
            return os.open(base, _NEW_FILE, mode, dir_fd=folder)
        except OSError as error:
            raise self._explained(error, name) from error

    def _write(self, file: int, chunk: bytes, name: str) -> None:
        view = memoryview(chunk)
        while view:
            try:
                view = view[os.write(file, view) :]
            except OSError as error:
                raise self._explained(error, name) from error

    def _explained(self, error: OSError, name: str) -> Exception:
        if error.errno == errno.EEXIST:
            return self.refusal(name, "occurs twice")
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            return self.refusal(name, "leads through a link or a file")
        if error.errno == errno.ENAMETOOLONG:
            return self.refusal(name, "has a part that is longer than the file system takes")
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return self.refusal(name, "did not fit: there is no space left in the pod's volume")
        if error.errno in (errno.EINVAL, errno.EILSEQ):
            return self.refusal(name, "is a name that the file system does not take")
        return error
