"""A conda channel on loopback, with packages that a test makes of nothing."""

import base64
import bz2
import hashlib
import io
import json
import os
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PLACEHOLDER = "/placehold_placehold_placehold_placehold_placehold_placehold_placehold_placehold_placehold"
"""What packages say for the folder in which they will be installed."""

PYTHON = "{}.{}".format(*sys.version_info)


@dataclass(frozen=True)
class CondaPackage:
    """A package and what it consists of."""

    name: str
    version: str
    files: Mapping[str, bytes | str | Path] = field(default_factory=dict)
    """Path in the environment → content; text may hold the placeholder, a path is the target of a link."""
    depends: Sequence[str] = ()
    noarch_python: bool = False
    """Whether it is one for every platform, whose files lie in `site-packages/`."""
    entry_points: Sequence[str] = ()
    """Programs of a package of Python: `learn = learning:main`."""

    @property
    def subdir(self) -> str:
        """Return the folder of the channel in which it lies."""
        return "noarch" if self.noarch_python else "linux-64"

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.name}-{self.version}-0.tar.bz2"

    @property
    def index(self) -> dict[str, Any]:
        """Return what the channel's list says of it, but for the digest."""
        noarch = {"noarch": "python"} if self.noarch_python else {}
        return {
            "name": self.name,
            "version": self.version,
            "build": "0",
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            **noarch,
        }

    def pack(self) -> bytes:
        """Return the package's file."""
        paths = {"paths": [_described(path, content) for path, content in self.files.items()], "paths_version": 1}
        infos: dict[str, Any] = {"info/index.json": self.index, "info/paths.json": paths}
        if self.noarch_python:
            points = {"type": "python", "entry_points": list(self.entry_points)}
            infos["info/link.json"] = {"noarch": points, "package_metadata_version": 1}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, value in infos.items():
                _add(archive, path, json.dumps(value))
            _add(archive, "info/files", "".join(f"{path}\n" for path in self.files))
            for path, content in self.files.items():
                _add(archive, path, content)
        return bz2.compress(packed.getvalue(), 1)


def _described(path: str, content: bytes | str | Path) -> dict[str, Any]:
    if isinstance(content, Path):
        return {"_path": path, "path_type": "softlink"}
    data = content if isinstance(content, bytes) else content.encode()
    prefix = {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"} if PLACEHOLDER.encode() in data else {}
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(data), **prefix}


def _add(archive: tarfile.TarFile, path: str, content: bytes | str | Path) -> None:
    member = tarfile.TarInfo(path)
    member.mode = 0o755 if "bin/" in path else 0o644
    if isinstance(content, Path):
        member.type, member.linkname = tarfile.SYMTYPE, str(content)
        archive.addfile(member)
        return
    data = content if isinstance(content, bytes) else content.encode()
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def python_package() -> CondaPackage:
    """Return this very Python as a package: its program over links to its library."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(os.__file__).parent
    files: dict[str, bytes | str | Path] = {
        f"lib/{library.name}/{found.name}": found
        for found in sorted(library.iterdir())
        if found.name not in ("site-packages", "dist-packages", "EXTERNALLY-MANAGED", "__pycache__")
    }
    files[f"bin/{library.name}"] = base.read_bytes()
    files |= {"bin/python": Path(library.name), "bin/python3": Path(library.name)}
    return CondaPackage("python", "{}.{}.{}".format(*sys.version_info), files)


def borrowed_python() -> CondaPackage:
    """Return a Python that is the image's own, with the packages of the environment in front of its own."""
    program = (
        "#!/bin/sh\n"
        "for folder in /usr/local/bin /usr/bin; do\n"
        f'    [ ! -x "$folder/python3" ] || PYTHONPATH={PLACEHOLDER}/lib/python{PYTHON}/site-packages '
        'exec "$folder/python3" "$@"\n'
        "done\n"
    )
    return CondaPackage("python", f"{PYTHON}.0", {f"bin/{name}": program for name in ("python", f"python{PYTHON}")})


def module_package(name: str, version: str, depends: Sequence[str] = (), scripts: Sequence[str] = ()) -> CondaPackage:
    """Return a package of one module for every Python, which knows its `VERSION` and has a `main` for its scripts."""
    module = f"import sys\n\nVERSION = {version!r}\n\n\ndef main():\n    print({name!r}, VERSION, sys.prefix)\n"
    return CondaPackage(
        name,
        version,
        {f"site-packages/{name}.py": module},
        ["python", *depends],
        noarch_python=True,
        entry_points=[f"{script} = {name}:main" for script in scripts],
    )


@dataclass
class CondaChannel:
    """What the channel serves, and what it was asked; a test changes it while it runs."""

    url: str
    password: str = ""
    """What a client has to show as the password of the user `reader`; empty for none."""
    token: str = ""
    """What stands in the address as `/t/<token>`; empty for none."""
    status: int = 200
    """Another one is the answer to every request."""
    asked: list[str] = field(default_factory=list)
    _packages: dict[str, dict[str, tuple[dict[str, Any], bytes]]] = field(
        default_factory=lambda: {"noarch": {}, "linux-64": {}}
    )

    def add(self, package: CondaPackage) -> None:
        """Serve a package."""
        data = package.pack()
        digest = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest(), "size": len(data)}  # noqa: S324
        self._packages[package.subdir][package.file] = ({**package.index, **digest}, data)

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Return the status and the body for a request."""
        self.asked.append(path)
        wanted = "Basic " + base64.b64encode(f"reader:{self.password}".encode()).decode()
        if self.status != 200:
            return self.status, b""
        if self.password and authorization != wanted:
            return 401, b""
        if self.token:
            if not path.startswith(f"/t/{self.token}/"):
                return 404, b""
            path = path.removeprefix(f"/t/{self.token}")
        match path.strip("/").split("/"):
            case ["channel", subdir, "repodata.json"] if subdir in self._packages:
                return 200, json.dumps(self._listing(subdir)).encode()
            case ["channel", subdir, file] if file in self._packages.get(subdir, {}):
                return 200, self._packages[subdir][file][1]
        return 404, b""

    def _listing(self, subdir: str) -> dict[str, Any]:
        packages = {file: entry for file, (entry, _) in self._packages[subdir].items()}
        return {"info": {"subdir": subdir}, "packages": packages, "packages.conda": {}, "repodata_version": 1}


@contextmanager
def serving_channel(address: str = "127.0.0.1") -> Iterator[CondaChannel]:
    """Serve an empty channel for the duration of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = channel.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="channel"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            """Say nothing: the test looks at `asked`."""

    with ThreadingHTTPServer((address, 0), Handler) as server:
        channel = CondaChannel(f"http://{address}:{server.server_port}/channel")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield channel
        finally:
            server.shutdown()
            thread.join()
