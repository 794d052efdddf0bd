"""The real OpenSSH server, of the user who runs the tests, with keys of its own, on a random port."""

import base64
import contextlib
import getpass
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.packages import find_program
from trainingjob.controller.ssh_keys import make_ssh_keys

_START_SECONDS = 20.0


@dataclass
class SshServer:
    """What a client has to know of the server."""

    user: str
    port: int
    key: str
    """The private key that the server takes."""
    known_hosts: str


@contextlib.contextmanager
def serve_ssh() -> Iterator[SshServer]:
    """Run a server that starts commands for whoever has the key."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        keys = {name: base64.b64decode(text).decode() for name, text in make_ssh_keys(f"[127.0.0.1]:{port}").items()}
        for name in ("host_key", "authorized_keys"):
            (folder / name).write_text(keys[name])
            (folder / name).chmod(0o600)
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
            "StrictModes no\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        log = (folder / "log").open("wb")
        process = subprocess.Popen([str(find_program("sshd")), "-D", "-e", "-f", folder / "config"], stderr=log)
        try:
            _wait_for(process, port, folder / "log")
            yield SshServer(getpass.getuser(), port, keys["client_key"], keys["known_hosts"])
        finally:
            process.terminate()
            process.wait()
            log.close()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"sshd does not start: {log.read_text()}")
        time.sleep(0.05)
