"""A stand-in for the usual base image on a machine that reaches Debian's packages but no registry of images.

Debian 12's own Python is 3.11, the one that `python:3.11-slim-bookworm` brings, so a Dockerfile cannot tell them apart
by what it runs: `python` and `pip` are on PATH, and a plain `pip install` is allowed.
"""

import re
import shutil
from pathlib import Path

from devtools.shell import run

STAND_INS = ("docker.io/library/python:3.11-slim-bookworm",)
"""The images that `make_root` can replace."""

_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
_NEEDLESS = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
)
_COMMANDS = {"python": "python3", "python3": "python3", "pip": "pip3", "pip3": "pip3"}


def make_root(root: Path, log: Path, prefix: list[str]) -> None:
    """Fill an empty folder with the root of the stand-in.

    Args:
        root: the folder.
        log: the file that debootstrap's output is appended to.
        prefix: the words before the command, such as those that give it mounts of its own.

    Raises:
        CommandFailed: when debootstrap fails; its output is in `log`.
    """
    mirror = debian_mirror(_apt_sources())
    command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)]
    run([*prefix, *command, *([mirror] if mirror else [])], log=log)
    tidy(root)


def tidy(root: Path) -> None:
    """Make Debian's Python look like the official image's, and drop what only a person at a terminal reads."""
    for name in _NEEDLESS:
        for path in (root / name).glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for name, target in _COMMANDS.items():
        link = root / "usr/local/bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"/usr/bin/{target}")


def debian_mirror(sources: str) -> str | None:
    """Return the address from which apt's sources take Debian 12 itself, None where they do not name it."""
    for line in sources.splitlines():
        if match := re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+bookworm\s", line):
            return match[1]
    for stanza in re.split(r"\n\s*\n", sources):
        fields: dict[str, str] = dict(re.findall(r"^(\w[\w-]*):\s*(.*)$", stanza, re.MULTILINE))
        if "bookworm" in fields.get("Suites", "").split() and fields.get("URIs"):
            return fields["URIs"].split()[0]
    return None


def _apt_sources() -> str:
    folder = Path("/etc/apt")
    files = [
        folder / "sources.list",
        *sorted(folder.glob("sources.list.d/*.list")),
        *sorted(folder.glob("sources.list.d/*.sources")),
    ]
    return "\n\n".join(file.read_text(errors="replace") for file in files if file.is_file())
