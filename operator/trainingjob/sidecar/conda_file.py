"""What conda is to install: the lists of the job together with its environment.yml, checked before anything starts."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from trainingjob.contract.channels import GUARDED_ADDRESS
from trainingjob.contract.tasks import CondaPackages
from trainingjob.sidecar import plain_yaml
from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.packages.redaction import HIDDEN, Redaction, secrets_in

_MAX_BYTES: Final = 1024 * 1024
_KNOWN: Final = frozenset({"name", "channels", "dependencies"})
"""A name is what people call an environment elsewhere; here it stands in a folder, and nothing follows from it."""

_INSTEAD: Final = {
    "variables": "set variables in spec.env",
    "prefix": "take the line out: the environment has a folder of its own in every pod",
}
_NO_DEFAULTS: Final = "nodefaults"
"""What people write for: no channels but these. There are no others in any case."""

_ELSEWHERE: Final = (
    "spec.environment: a channel with a user, password, token, ? or # belongs into the key channels of the Secret "
    "that secretRef names"
)
_MAX_SHOWN: Final = 100
_QUERY: Final = re.compile(r"(://[^\s?#]*[?#])\S+")
_OPTION: Final = re.compile(r"^--[\w-]*|^-\w?")
_LIST_OF_PIP: Final = re.compile(r"^(?:-r|--requirement)(?:\s+|=)(\S+)$")


@dataclass(frozen=True)
class CondaRequest:
    """What `install-packages` reads: words for conda, and what pip is to install afterwards."""

    packages: list[str]
    channels: list[str]
    pip: list[str]
    """Requirements of the file's own list of pip."""
    pip_files: list[str]
    """Files of the workspace that this list names, relative to the workspace."""

    def as_json(self) -> dict[str, list[str]]:
        """Return the request as it is written for the other container."""
        return asdict(self)


def read_request(asked: CondaPackages) -> CondaRequest:
    """Return what conda is to install.

    Raises:
        RefusedError: when there is nothing, or the file cannot be honoured; the text names what is wrong.
    """
    found = _of_file(asked) if asked.file else CondaRequest([], [], [], [])
    channels = [name for name in dict.fromkeys([*asked.channels, *found.channels]) if name != _NO_DEFAULTS]
    packages = [*asked.packages, *found.packages]
    _check_words(packages, channels)
    if not packages:
        raise RefusedError(f"spec.environment.condaFile: {asked.file!r} lists no packages of conda in dependencies")
    return CondaRequest(packages, channels, found.pip, found.pip_files)


def _check_words(packages: list[str], channels: list[str]) -> None:
    """Refuse secrets and options: what a job or its source says is read by many, and reaches conda's command line."""
    for channel in channels:
        if re.search(GUARDED_ADDRESS, channel) or channel.startswith("-"):
            raise RefusedError(f"{_ELSEWHERE}; one stands in channels or in condaFile")
    for package in packages:
        if not package.strip() or package.startswith("-") or "\n" in package:
            raise RefusedError(f"spec.environment: {_shown(package)} is no package of conda; write it like numpy>=1.26")
        if re.search(GUARDED_ADDRESS, package):
            raise RefusedError(f"{_ELSEWHERE}; a package in conda or in condaFile names one")


def _of_file(asked: CondaPackages) -> CondaRequest:
    told = _load(asked)
    for key in told:
        if key not in _KNOWN:
            instead = _INSTEAD.get(str(key), f"only {', '.join(sorted(_KNOWN))} are")
            raise _refused(asked, f"{_shown(key)} is not supported; {instead}")
    channels = _texts(asked, "channels", told.get("channels") or [])
    packages: list[str] = []
    pip: list[str] = []
    for item in _list(asked, "dependencies", told.get("dependencies") or []):
        if isinstance(item, dict) and set(item) == {"pip"}:
            pip += _texts(asked, "pip", item["pip"] or [])
        else:
            packages += _texts(asked, "dependencies", [item])
    files = [file for line in pip if (file := _list_of_pip(asked, line))]
    plain = [line for line in pip if not _LIST_OF_PIP.match(line)]
    return CondaRequest(packages, channels, plain, files)


def _load(asked: CondaPackages) -> dict[Any, Any]:
    root = Path(asked.workspace).resolve()
    file = (root / asked.file).resolve()
    if root not in file.parents:
        raise _refused(asked, "it leaves the source")
    if not file.is_file():
        raise _refused(asked, "the source has no such file")
    if file.stat().st_size > _MAX_BYTES:
        raise _refused(asked, f"it has more than {_MAX_BYTES} bytes")
    try:
        told = plain_yaml.load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise _refused(asked, "it is no text in UTF-8") from None
    except plain_yaml.UnreadableError as error:
        raise _refused(asked, str(error)) from None
    if not isinstance(told, dict):
        raise _refused(asked, "it is no environment.yml with channels and dependencies")
    return told


def _list(asked: CondaPackages, key: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise _refused(asked, f"{key} is no list")
    return value


def _texts(asked: CondaPackages, key: str, value: object) -> list[str]:
    found = _list(asked, key, value)
    for item in found:
        if not isinstance(item, str):
            wanted = "no text" + (", nor a list of pip" * (key == "dependencies"))
            raise _refused(asked, f"{_shown(item)} in {key} is {wanted}")
    return [str(item).strip() for item in found]


def _list_of_pip(asked: CondaPackages, line: str) -> str:
    """Return the file that a line of pip's list names, relative to the workspace; empty when it is a requirement."""
    found = _LIST_OF_PIP.match(line)
    if found:
        # As conda does: relative to the file that names it.
        return str(Path(asked.file).parent / found.group(1))
    if line.startswith("-") or not line:
        raise _refused(
            asked, f"{_shown(line)} in pip is no requirement; options stand in a file that -r names here, or in pipFile"
        )
    return ""


def _shown(item: object) -> str:
    """Return how to name something that was written in a file, without what may be a password in it."""
    if isinstance(item, dict):
        # A colon at the end of an address or before a blank makes it the key of one.
        return "a mapping (KEY: VALUE)"
    if isinstance(item, list):
        return "a list"
    if not isinstance(item, str):
        return str(item) if isinstance(item, float | bool) or item is None else "a number or date"
    option = _OPTION.match(item)
    if option:
        return f"the option {option.group()}"
    text = _QUERY.sub(rf"\1{HIDDEN}", Redaction(secrets_in(item))(item))
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…")


def _refused(asked: CondaPackages, why: str) -> RefusedError:
    return RefusedError(f"spec.environment.condaFile: {asked.file!r}: {why}")
