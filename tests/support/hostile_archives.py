"""Archives, good and hostile, made in memory."""

import io
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

SECRET = "outside"
"""The file beside the target that no archive may change."""


def tar_of(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], compression: str = "") -> bytes:
    """Return a tar file with these members; a pair has the content, too."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as tar:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tuple):
                member[0].size = len(member[1])
                tar.addfile(member[0], io.BytesIO(member[1]))
            else:
                tar.addfile(member)
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """Return the header of a member."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, to, mode
    return member


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    """Return a file for a tar."""
    return entry(name, mode=mode), content


def link(name: str, to: str) -> tarfile.TarInfo:
    """Return a symbolic link for a tar."""
    return entry(name, tarfile.SYMTYPE, to)


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip file with these members."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as whole:
        warnings.simplefilter("ignore")  # a name that occurs twice
        for name, content in members:
            whole.writestr(name, content)
    return buffer.getvalue()


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    """Return the header of a member with the mode that Unix would give it, its kind included."""
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, mode << 16
    return member


def laid_out(folder: Path) -> dict[str, object]:
    """Return what lies below a folder: path → content, where a link leads, or None for a folder."""
    show: Callable[[Path], object] = lambda path: (  # noqa: E731
        f"-> {path.readlink()}" if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    )
    return {str(path.relative_to(folder)): show(path) for path in sorted(folder.rglob("*"))}
