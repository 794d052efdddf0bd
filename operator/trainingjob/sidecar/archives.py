"""Unpack tar and zip files that nobody vouches for.

What is refused: absolute names and `..`, names that occur twice or lead through a link, symbolic links that lead out
(those inside may stay), hard links to anything but a file before them, devices and pipes, encrypted and rarely used
kinds of zip, and whatever exceeds the limits, which count what is unpacked and believe no header. Of the rights of a
file only the mark of a program is kept.
"""

import bz2
import gzip
import lzma
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final, cast

from trainingjob.sidecar.metered import ExceededError, Forward, Metered
from trainingjob.sidecar.tree import Tree

_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_XZ: Final = b"\xfd7zXZ\x00"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_HEADERS: Final = 128 * 1024
"""The most bytes of headers before one member of a tar file: the library reads them at once, and nested."""
_LIST: Final = 1024 * 1024
_LIST_ENTRY: Final = 1024
"""A zip file's list of contents is read at once: this much, and this much more for each file that is allowed."""
_LONGEST_LINK: Final = 4096
_UNIX: Final = 3
_TAR_KINDS: Final = {
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.REGTYPE: "a sparse file",
}
_DAMAGED: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,  # numbers and names in headers
    OverflowError,
    RecursionError,  # headers of headers
    IndexError,
    KeyError,
    NotImplementedError,
)
"""What the libraries raise for damaged archives."""


def extract(archive: Path, tree: Tree) -> None:
    """Unpack an archive, whose kind its first bytes tell, into a tree, within the tree's limits.

    Raises:
        RefusedError: naming the member and what is wrong; what was unpacked before it stays.
    """
    with archive.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        if start.startswith(_ZIP):
            _unzip(file, archive.name, tree)
        elif start.startswith(_ZSTD):
            raise tree.refusal(archive.name, "is compressed with zstd; use gzip, xz or bzip2")
        else:
            _untar(_decompressed(file, start), archive.name, tree)


def _decompressed(file: IO[bytes], start: bytes) -> IO[bytes]:
    if start.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if start.startswith(_BZIP2):
        return bz2.BZ2File(file)
    if start.startswith(_XZ):
        return lzma.LZMAFile(file)
    return file


def _untar(file: IO[bytes], archive: str, tree: Tree) -> None:
    forward = Forward(file, most=2 * tree.max_bytes + tree.max_files * _HEADERS)
    name = archive
    try:
        forward.allow(_HEADERS)
        with tarfile.open(fileobj=forward, mode="r:") as tar:
            while (member := tar.next()) is not None:
                name = member.name
                _place_tar_member(member, forward, tree)
                # The library would add up the headers for all members; of those nothing is needed here.
                tar.pax_headers = {}
                forward.allow(_HEADERS)
        forward.finish()
    except ExceededError:
        raise tree.refusal(name, "is followed by headers or gaps beyond all limits") from None
    except _DAMAGED as error:
        raise tree.refusal(name, f"is damaged, or the whole is neither tar nor zip ({error})") from error


def _place_tar_member(member: tarfile.TarInfo, data: Forward, tree: Tree) -> None:
    if member.size < 0:
        raise tree.refusal(member.name, "has a negative size")
    if member.isdir():
        tree.folder(member.name)
    elif member.issym():
        tree.link(member.name, member.linkname)
    elif member.islnk():
        tree.hard_link(member.name, member.linkname)
    elif member.type in tarfile.REGULAR_TYPES and not member.issparse():
        data.seek(member.offset_data)
        tree.file(member.name, _Part(data, member.size), executable=bool(member.mode & 0o100))
    else:
        raise tree.refusal(member.name, f"is {_TAR_KINDS.get(member.type, 'of an unknown kind')}, which is not allowed")


class _Part:
    """The next bytes of a file; it is an error when it has fewer."""

    def __init__(self, file: Forward, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int, /) -> bytes:
        self._file.allow(size)
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        if not data and self._left:
            raise EOFError("it ends too early")
        return data


def _unzip(file: IO[bytes], archive: str, tree: Tree) -> None:
    metered = Metered(file)
    metered.allow(_LIST + tree.max_files * _LIST_ENTRY)
    name = archive
    try:
        with zipfile.ZipFile(cast("IO[bytes]", metered)) as whole:
            for member in whole.infolist():
                name = member.filename
                metered.allow(sys.maxsize)
                _place_zip_member(whole, member, tree)
    except ExceededError:
        raise tree.refusal(name, "has a list of contents beyond all limits") from None
    except _DAMAGED as error:
        raise tree.refusal(name, f"is damaged ({error})") from error


def _place_zip_member(whole: zipfile.ZipFile, member: zipfile.ZipInfo, tree: Tree) -> None:
    mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
    if "\\" in member.filename:
        raise tree.refusal(member.filename, "has backslashes; pack it again with '/' between folders")
    if member.flag_bits & 1:
        raise tree.refusal(member.filename, "is encrypted; pack it without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The library unpacks the others without a bound on memory.
        raise tree.refusal(member.filename, "is packed by a rare method; only 'stored' and 'deflated' are read")
    if member.is_dir():
        tree.folder(member.filename)
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise tree.refusal(member.filename, "is a device, a pipe or a socket, which is not allowed")
    else:
        with whole.open(member) as content:
            if stat.S_ISLNK(mode):
                tree.link(member.filename, content.read(_LONGEST_LINK).decode())
            else:
                tree.file(member.filename, content, executable=bool(mode & 0o100))
