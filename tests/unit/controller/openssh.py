"""The real OpenSSH with the keys and the files of an MPI job, as two pods would run it.

Each connection has a server of its own at the other end of a pipe, so that no port is needed. Root becomes a pod's user
first, with a pod's /etc/passwd in a private mount namespace; anybody else stays who they are.
"""

import getpass
import os
import shlex
import subprocess
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.packages import find_program
from tests.support.builders import make_job
from trainingjob.controller.ssh_keys import make_ssh_keys
from trainingjob.plan import PlanOptions, plan_job
from trainingjob.plan.mpi_scripts import FILES_PATH, RUN_PATH, USER

HOST = "mnist-worker-0.mnist"
_POD_USER = 1000
_BECOME_POD = """
mount --bind "$1/passwd" /etc/passwd || exit
shift
exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs "$@"
"""

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Pod:
    """What a pod of one attempt finds: the files of the job's ConfigMap and of the attempt's Secret, in one folder."""

    folder: Path

    def lay_out(self) -> None:
        """Write the files; where they name the folders of a pod they name this one instead."""
        plan = plan_job(make_job(command=["train"], mpi={"nodes": 2}), PlanOptions())
        (secret,) = plan.key_secrets(0)
        here = str(self.folder)
        for name, text in plan.config_maps[0]["data"].items():
            self._write(name, text.replace(FILES_PATH, here).replace(RUN_PATH, here))
        for name, text in make_ssh_keys(secret.known_as).items():
            self._write(name, b64decode(text).decode())
        self._write("environment", "export FROM_THE_POD='its own'\n")
        self._write("passwd", f"{USER}:x:{_POD_USER}:{_POD_USER}::{here}:/bin/sh\n")

    def ssh(self, worker: "Pod", *command: str, flags: Sequence[str] = (), **options: str) -> Done:
        """Run a command on a worker by ssh, with further options of ssh."""
        sshd = shlex.join([str(find_program("sshd")), "-i", "-e", "-f", str(worker.folder / "sshd_config")])
        who = {} if os.geteuid() == 0 else {"User": getpass.getuser()}
        settings = {"ProxyCommand": sshd, "LogLevel": "INFO", **who, **options}
        words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        return self.run("ssh", "-F", str(self.folder / "ssh_config"), *words, *flags, HOST, *command)

    def run(self, *words: str) -> Done:
        """Run a command as the pod's user."""
        become = ("unshare", "--mount", "--", "sh", "-c", _BECOME_POD, "sh", str(self.folder))
        command = [*(become if os.geteuid() == 0 else ()), *words]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, cwd="/"
        )

    def text(self, name: str) -> str:
        """Return a file's text."""
        return (self.folder / name).read_text()

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, _POD_USER, _POD_USER)
