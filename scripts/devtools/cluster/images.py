"""Images without a registry: the sandbox's own is made here, others are imported from files."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from devtools.cluster.building import in_parallel
from devtools.cluster.components import node_name
from devtools.cluster.settings import SANDBOX_IMAGE
from devtools.cluster.state import State
from devtools.locking import locked
from devtools.shell import run

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def pack_program(program: Path, reference: str, archive: Path) -> None:
    """Write an image that holds one static program and runs it, in the format of `docker save`.

    Args:
        reference: name and tag of the image.
    """
    layer = _tar({program.name: (program.read_bytes(), 0o755)})
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).encode()
    files = {name: config, "layer.tar": layer, "manifest.json": manifest}
    archive.write_bytes(_tar({path: (content, 0o644) for path, content in files.items()}))


def import_sandbox(state: State, index: int) -> None:
    """Give a node the image that every pod's sandbox is made from."""
    archive = state.directory / node_name(index) / "pause.tar"
    pack_program(Path(state.program("pause", "pause")), SANDBOX_IMAGE, archive)
    import_image(state, index, archive)
    archive.unlink()


def import_image(state: State, index: int, archive: Path) -> None:
    """Import an archive as `docker save` writes it into a node's containerd."""
    _ctr(state, index, "images", "import", "--local", str(archive))


def pods_possible(state: State, index: int) -> bool:
    """Return whether a node's containerd has loaded what the kubelet talks to."""
    plugins = _ctr(state, index, "plugins", "ls").splitlines()
    return any(words[:2] == ["io.containerd.grpc.v1", "cri"] and words[3] == "ok" for words in map(str.split, plugins))


def import_everywhere(state: State, archives: Sequence[Path]) -> None:
    """Import archives into every node, all nodes at the same time; what a node has of them is not imported again."""
    in_parallel([partial(_import_missing, state, index, archives) for index in range(1, state.nodes + 1)])


def _import_missing(state: State, index: int, archives: Sequence[Path]) -> None:
    record = state.directory / node_name(index) / "imported.json"
    with locked(record.with_suffix(".lock")):
        # Archive → the images that came with it, by name, and their digests.
        imported: dict[str, dict[str, str]] = json.loads(record.read_text()) if record.exists() else {}
        there = _images(state, index)
        for archive in archives:
            found = archive.stat()
            key = f"{archive.name} {found.st_ino} {found.st_size}"
            # The name may stand for another archive's image by now, or the kubelet may have cleared it away.
            if key in imported and imported[key].items() <= there.items():
                continue
            import_image(state, index, archive)
            before, there = there, _images(state, index)
            if came := dict(there.items() - before.items()):
                imported[key] = came
                record.write_text(json.dumps(imported))


def _images(state: State, index: int) -> dict[str, str]:
    """Return the digests of a node's images by their names."""
    rows = (line.split() for line in _ctr(state, index, "images", "ls").splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def _ctr(state: State, index: int, *words: str) -> str:
    socket = state.directory / node_name(index) / "run" / "containerd" / "containerd.sock"
    ctr = [state.program("containerd", "ctr"), "--address", str(socket), "--namespace", "k8s.io"]
    return run([*ctr, *words], timeout=600)


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
