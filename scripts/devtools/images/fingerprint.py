"""Recognise an image that was built before: a digest of all that goes into it."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

RECIPE = "1"
"""Changes whenever the tool builds another image from the same files."""


def fingerprint(context: Path, dockerfile: Path, tag: str) -> str:
    """Return 16 hexadecimal digits that change with the tag, the Dockerfile and each file that the build can see.

    Times of files do not count; names, permissions, contents and the targets of links do.

    Raises:
        OSError: when a file cannot be read.
    """
    digest = hashlib.sha256()
    for part in (RECIPE.encode(), tag.encode(), dockerfile.read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    ignored = Ignored.read(context)
    for path in sorted(_files(context, ignored)):
        digest.update(hashlib.sha256(path.relative_to(context).as_posix().encode()).digest())
        digest.update(_content(path))
    return digest.hexdigest()[:16]


class Ignored:
    """The patterns of a `.dockerignore`: the last one that matches a path or a folder above it decides."""

    def __init__(self, lines: list[str]) -> None:
        """Take the file's lines; blank ones and comments are skipped."""
        words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._rules = [(_pattern(word.removeprefix("!")), word.startswith("!")) for word in words]
        self.has_exceptions = any(exception for _, exception in self._rules)

    @classmethod
    def read(cls, context: Path) -> "Ignored":
        """Return the patterns of the build context's own file, none where it has no such file."""
        file = context / ".dockerignore"
        return cls(file.read_text().splitlines() if file.is_file() else [])

    def matches(self, relative: str) -> bool:
        """Say whether the build leaves out a path, which is relative to the context and uses slashes."""
        parts = relative.split("/")
        prefixes = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        left_out = False
        for pattern, exception in self._rules:
            if any(pattern.fullmatch(prefix) for prefix in prefixes):
                left_out = not exception
        return left_out


def _pattern(word: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/?|\*|\?|\[[^]]+\])", word.strip().strip("/").removeprefix("./"))
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(known.get(piece) or (piece if piece[:1] == "[" else re.escape(piece)) for piece in pieces)
    )


def _files(context: Path, ignored: Ignored) -> Iterator[Path]:
    for folder, folders, files in os.walk(context):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in [*files, *links]:
            if not ignored.matches((here / name).relative_to(context).as_posix()):
                yield here / name
        if not ignored.has_exceptions:
            folders[:] = [
                name for name in folders if not ignored.matches((here / name).relative_to(context).as_posix())
            ]


def _content(path: Path) -> bytes:
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        return hashlib.sha256(b"link " + os.fsencode(path.readlink())).digest()
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").digest()
    return hashlib.sha256(f"file {state.st_mode & 0o777:o} ".encode() + content).digest()
