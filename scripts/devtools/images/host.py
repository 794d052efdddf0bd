"""What a build needs to know of the machine that it runs on to reach the same package sources.

pip and apt inside a build start from the image's own settings. Where this machine needs others (a proxy, an index of
its own, a certificate), they are handed in as read-only mounts, so that no Dockerfile and no image holds any of them.
"""

import configparser
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from devtools.shell import run

_INSIDE = "/run/build-host"
_PIP_ADDRESSES = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "no-index")
_PIP_FILES = ("cert", "client-cert")
_PIP_OTHERS = ("timeout", "retries")
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
_APT = re.compile(
    r"^Acquire::(?:\S+::)?"
    r'(?:Proxy|Retries|Timeout|CaInfo|Verify-Peer|Verify-Host|Check-Valid-Until|Check-Date) "[^"]+";$',
    re.IGNORECASE,
)
_APT_CERTIFICATE = re.compile(r'(::CaInfo) "(?P<path>[^"]+)"', re.IGNORECASE)


def mounts(scratch: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the mounts, as `source:target:ro`, that give a build this machine's settings for pip and apt.

    Args:
        scratch: an empty folder for the files that have to be written; it must outlive the build.
        environment: this machine's variables.
    """
    found: list[str] = []
    pip = pip_settings(_pip_files(environment), environment)
    for key in (*_PIP_FILES, "find-links"):
        path = Path(pip.get(key, ""))
        if path.is_absolute() and path.exists():
            found.append(f"{path.resolve()}:{_INSIDE}/{key}:ro")
            pip[key] = f"{_INSIDE}/{key}"
        elif path.is_absolute():
            del pip[key]
    if pip:
        lines = ["[global]", *(f"{key} = {value}" for key, value in sorted(pip.items()))]
        found.append(_written(scratch / "pip.conf", lines, "/etc/pip.conf"))
    if shutil.which("apt-config"):
        lines, certificates = apt_settings(run(["apt-config", "dump"]))
        found += [f"{path}:{_INSIDE}/apt-{number}:ro" for number, path in enumerate(certificates)]
        if lines:
            found.append(_written(scratch / "apt.conf", lines, "/etc/apt/apt.conf.d/99build-host"))
    return found


def pip_settings(files: Iterable[Path], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that decide from where pip downloads: files in rising order of weight, then variables."""
    settings: dict[str, str] = {}
    known = (*_PIP_ADDRESSES, *_PIP_FILES, *_PIP_OTHERS)
    for file in files:
        parser = configparser.RawConfigParser()
        parser.read(file)
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= {key: value for key, value in parser.items(section) if key in known}
    for key in known:
        names = (f"PIP_{key.upper().replace('-', '_')}", f"PIP_DEFAULT_{key.upper().replace('-', '_')}")
        if value := next((environment[name] for name in names if environment.get(name)), None):
            settings[key] = value
    if "cert" not in settings and (
        bundle := next((environment[name] for name in _CERTIFICATE_VARIABLES if environment.get(name)), None)
    ):
        settings["cert"] = bundle
    return {key: " ".join(value.split()) for key, value in settings.items()}


def apt_settings(dump: str) -> tuple[list[str], list[str]]:
    """Return the lines of `apt-config dump` that decide how apt downloads, and the certificates that they name.

    In the lines the n-th certificate stands under the path where `mounts` puts it.
    """
    certificates: list[str] = []

    def inside(match: re.Match[str]) -> str:
        certificates.append(match["path"])
        return f'{match[1]} "{_INSIDE}/apt-{len(certificates) - 1}"'

    lines = [_APT_CERTIFICATE.sub(inside, line) for line in dump.splitlines() if _APT.match(line)]
    return lines, certificates


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    home = Path(environment.get("HOME") or Path.home())
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    shared = [Path(part) for part in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)]
    files = [*(part / "pip" / "pip.conf" for part in shared), Path("/etc/pip.conf")]
    files += [home / ".pip" / "pip.conf", own / "pip" / "pip.conf"]
    if chosen := environment.get("PIP_CONFIG_FILE"):
        files.append(Path(chosen))
    return [file for file in files if file.is_file()]


def _written(file: Path, lines: list[str], target: str) -> str:
    file.write_text("\n".join(lines) + "\n")
    return f"{file}:{target}:ro"
