"""OpenSSH on this machine, for tests that try the SSH keys of MPI jobs with the real programs."""

from collections.abc import Sequence
from pathlib import Path

from devtools.cluster.packages import can_install, find_program, install
from devtools.progress import Progress

_PACKAGE_OF = {"ssh": "openssh-client", "ssh-keygen": "openssh-client", "sshd": "openssh-server"}
_SYSTEMD = Path("/run/systemd/system")


def missing_packages() -> list[str]:
    """Return the Debian packages with the programs that are missing."""
    return sorted({package for name, package in _PACKAGE_OF.items() if find_program(name) is None})


def refusal(packages: Sequence[str], *, can_install: bool, systemd: bool) -> str:
    """Return why missing packages are not installed here, empty when they can be or none is missing."""
    # Under systemd this package starts a server for the whole network, which is not a test's to decide.
    if packages and (not can_install or (systemd and "openssh-server" in packages)):
        return f"OpenSSH is not complete on this machine: apt-get install {' '.join(packages)}"
    return ""


def ensure(progress: Progress) -> str:
    """Install what is missing, and return why that is not possible here, empty when all is there.

    Raises:
        StepFailed: when the installation fails.
    """
    packages = missing_packages()
    why = refusal(packages, can_install=can_install(), systemd=_SYSTEMD.exists())
    if not why:
        install(packages, progress)
    return why
