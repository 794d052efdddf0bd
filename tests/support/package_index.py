"""A package index on loopback, with packages that a test makes of nothing."""

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


def wheel_files(
    name: str, version: str, requires: Sequence[str] = (), scripts: Sequence[str] = ()
) -> dict[str, str | bytes]:
    """Return the files of a package of one module, which knows its `VERSION` and has a `main` for its scripts."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {other}" for other in requires]
    module = f"import sys\n\nVERSION = {version!r}\n\n\ndef main():\n    print({name!r}, VERSION, sys.prefix)\n"
    points = "".join(f"{script} = {name}:main\n" for script in scripts)
    files: dict[str, str | bytes] = {
        f"{name}.py": module,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{points}",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    return {**files, f"{info}/RECORD": record}


def wheel(name: str, version: str, requires: Sequence[str] = (), scripts: Sequence[str] = ()) -> bytes:
    """Return a wheel for every Python."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in wheel_files(name, version, requires, scripts).items():
            archive.writestr(path, text)
    return packed.getvalue()


def write_project(folder: Path, name: str, version: str) -> None:
    """Write a project that pip can build and install, also for editing, without any other package."""
    folder.mkdir(parents=True)
    file = f"{name}-{version}-py3-none-any.whl"
    (folder / file).write_bytes(wheel(name, version))
    (folder / "pyproject.toml").write_text(
        f"[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        f"[project]\nname = {name!r}\nversion = {version!r}\n"
    )
    (folder / "backend.py").write_text(
        "import shutil\n\n\ndef build_wheel(folder, *_, **__):\n"
        f"    shutil.copy({file!r}, folder)\n    return {file!r}\n\n\nbuild_editable = build_wheel\n"
    )


def broken_sdist_files(name: str, version: str, words: str) -> dict[str, str | bytes]:
    """Return the files of a package whose build needs nothing and fails with these words."""
    backend = f"def build_wheel(*_, **__):\n    raise SystemExit({words!r})\n"
    return {
        f"{name}-{version}/pyproject.toml": (
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        ),
        f"{name}-{version}/backend.py": backend,
        f"{name}-{version}/PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }


@dataclass
class PackageIndex:
    """What the index serves, and what it was asked; a test changes it while it runs."""

    url: str
    password: str = ""
    """What a client has to show as the password of the user `reader`; empty for none."""
    status: int = 200
    """Another one is the answer to every request."""
    asked: list[str] = field(default_factory=list)
    _files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def add_wheel(self, name: str, version: str, requires: Sequence[str] = (), scripts: Sequence[str] = ()) -> None:
        """Serve a wheel for every Python."""
        self._add(name, f"{name}-{version}-py3-none-any.whl", wheel(name, version, requires, scripts))

    def add_file(self, wheel: Path) -> None:
        """Serve a wheel that somebody else has made."""
        name = wheel.name.partition("-")[0]
        self._add(name.lower().replace("_", "-").replace(".", "-"), wheel.name, wheel.read_bytes())

    def add_broken(self, name: str, version: str, words: str) -> None:
        """Serve a source distribution whose build fails with these words."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in broken_sdist_files(name, version, words).items():
                data = text.encode() if isinstance(text, str) else text
                member = tarfile.TarInfo(path)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        self._add(name, f"{name}-{version}.tar.gz", packed.getvalue())

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Return the status and the body for a request."""
        self.asked.append(path)
        wanted = "Basic " + base64.b64encode(f"reader:{self.password}".encode()).decode()
        if self.status != 200:
            return self.status, b""
        if self.password and authorization != wanted:
            return 401, b""
        match unquote(path).strip("/").split("/"):
            case ["simple", name] if name in self._files:
                links = (
                    f'<a href="/files/{name}/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'
                    for file, data in self._files[name].items()
                )
                return 200, f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
            case ["files", name, file] if file in self._files.get(name, {}):
                return 200, self._files[name][file]
        return 404, b""

    def _add(self, name: str, file: str, data: bytes) -> None:
        self._files.setdefault(name, {})[file] = data


@contextmanager
def serving(address: str = "127.0.0.1") -> Iterator[PackageIndex]:
    """Serve an empty index for the duration of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = index.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", "text/html" if "simple" in self.path else "application/octet-stream")
            self.send_header("Cache-Control", "max-age=600")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test looks at `asked`."""

    with ThreadingHTTPServer((address, 0), Handler) as server:
        index = PackageIndex(f"http://{address}:{server.server_port}/simple")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
