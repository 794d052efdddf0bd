"""Programs that a cluster with nodes takes from the machine's own distribution."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from devtools.cluster.errors import ClusterError
from devtools.locking import locked
from devtools.paths import cache_root
from devtools.progress import Progress
from devtools.shell import run

_PLUGIN_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGE_OF = {
    "openssl": "openssl",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
}
_PLUGINS_PACKAGE = "containernetworking-plugins"


def plugins_folder() -> str | None:
    """Return the folder of the network plugins, None when they are not installed."""
    return next((folder for folder in _PLUGIN_FOLDERS if Path(folder, "ptp").exists()), None)


def missing_packages(nodes: int) -> list[str]:
    """Return the Debian packages that a cluster needs and the machine lacks."""
    programs = list(_PACKAGE_OF) if nodes else ["openssl"]
    missing = [_PACKAGE_OF[name] for name in programs if find_program(name) is None]
    return [*missing, _PLUGINS_PACKAGE] if nodes and plugins_folder() is None else missing


def find_program(name: str) -> str | None:
    """Return the path of a program, also of one that only an administrator's PATH has; None when it is missing."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}")


def refusal(nodes: int, packages: Sequence[str], user: int, has_apt: bool) -> str:
    """Return why the cluster cannot come up on this machine as this user, empty when it can."""
    if nodes and user != 0:
        return (
            "A cluster with nodes makes network devices and control groups: run this as root. "
            "Without root there is --nodes 0 (an API server without nodes), kind, or --kubeconfig FILE."
        )
    if packages and not has_apt:
        return f"These programs' packages (Debian's names) are missing, install them first: {' '.join(packages)}"
    if packages and user != 0:
        return f"Install what is missing first: sudo apt-get install --no-install-recommends {' '.join(packages)}"
    return ""


def require_possible(nodes: int) -> None:
    """Check that this user can bring a cluster up on this machine.

    Raises:
        ClusterError: when not; the message says what to do.
    """
    packages = missing_packages(nodes)
    if reason := refusal(nodes, packages, os.geteuid(), shutil.which("apt-get") is not None):
        raise ClusterError(reason)


def ensure_packages(nodes: int, progress: Progress) -> None:
    """Install what is missing.

    Raises:
        ClusterError: when that is not possible here; the message says what to install.
        StepFailed: when the installation fails.
    """
    require_possible(nodes)
    install(missing_packages(nodes), progress)


def can_install() -> bool:
    """Return whether this user can install Debian packages on this machine."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], progress: Progress) -> None:
    """Install Debian packages as root.

    Raises:
        StepFailed: when apt-get fails; its own words are shown.
    """
    if not packages:
        return
    log = cache_root() / "tools" / "logs" / "apt.log"
    with (
        locked(cache_root() / "tools" / ".apt.lock"),
        progress.step(f"apt-get update and install {' '.join(packages)}", 20, log),
    ):
        apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y"]
        # In this run level a package starts no service.
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        run([*apt, "update"], log=log, env=quiet)
        run([*apt, "install", "--no-install-recommends", *packages], log=log, env=quiet)
