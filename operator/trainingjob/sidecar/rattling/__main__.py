"""Make an environment of conda: told on stdin what to install, it ends with 65 or 75 as the containers of ours do."""

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import rattler
from rattler import exceptions
from rattler.networking import Client

EXIT_REFUSED = 65
EXIT_UNAVAILABLE = 75

_REFUSALS = (
    exceptions.InvalidChannelError,
    exceptions.InvalidMatchSpecError,
    exceptions.InvalidUrlError,
    exceptions.InvalidPackageNameError,
    exceptions.PackageNameMatcherParseError,
    exceptions.SolverError,
    exceptions.VirtualPackageOverrideError,
)
_FAILURES = (
    exceptions.CacheDirError,
    exceptions.DetectVirtualPackageError,
    exceptions.ExtractError,
    exceptions.FetchRepoDataError,
    exceptions.GatewayError,
    exceptions.InstallerError,
    exceptions.IoError,
    exceptions.LinkError,
    exceptions.TransactionError,
    OSError,
)
_LATER = re.compile(
    r"error sending request|client error \(Connect\)|connection (closed|reset)|timed out|dns error|error decoding "
    r"response body|No space left on device|Disk quota exceeded|\((429|50[0234]) "
)
_MULTIPLE = frozenset({"defaults"})
"""Names that stand for several channels, in the settings of conda alone."""


class Request(NamedTuple):
    """What is to be made, and where what is downloaded is kept."""

    prefix: str
    packages: list[str]
    channels: list[str]
    packages_cache: str
    listings_cache: str
    """Lists of what channels have, with their addresses: never shared."""


def main() -> int:
    """Install, and return the exit code; what was wrong is the last that it says."""
    try:
        asyncio.run(install(Request(**json.load(sys.stdin))))
    except _REFUSALS as error:
        return _fail(error, EXIT_REFUSED)
    except _FAILURES as error:
        return _fail(error, EXIT_UNAVAILABLE if _LATER.search(str(error)) else EXIT_REFUSED)
    return 0


async def install(asked: Request) -> None:
    """Solve for the packages of a request and install what that gives.

    Raises:
        exceptions.SolverError: when there is no solution.
        exceptions.GatewayError: when a channel does not answer.
        exceptions.InstallerError: when a package cannot be installed.
    """
    client = Client.default_client(max_retries=int(os.environ.get("CONDA_REMOTE_MAX_RETRIES", "3")))
    gateway = rattler.Gateway(cache_dir=Path(asked.listings_cache), client=client)
    specs = [rattler.MatchSpec(package) for package in asked.packages]
    found = rattler.VirtualPackage.detect(overrides=rattler.VirtualPackageOverrides.from_env())
    generic: list[Any] = [package.into_generic() for package in found]
    print(f"This container has {', '.join(str(package) for package in generic)}.", flush=True)
    begun = time.monotonic()
    records = await rattler.solve(
        sources=_channels(asked.channels, specs), specs=specs, gateway=gateway, virtual_packages=generic
    )
    print(f"Solved in {time.monotonic() - begun:.1f} s: {len(records)} packages.", flush=True)
    await rattler.install(
        records,
        target_prefix=asked.prefix,
        cache_dir=Path(asked.packages_cache),
        # As conda does: packages count on it, and their files are programs of the job as well.
        execute_link_scripts=True,
        show_progress=False,
        client=client,
    )


def _channels(names: list[str], specs: list[rattler.MatchSpec]) -> list[rattler.Channel]:
    """Return where to look, each channel once: those that are named, and those that packages name themselves."""
    for name in names:
        if name in _MULTIPLE:
            raise exceptions.InvalidChannelError(
                f"{name} is no channel, but what conda is set to look at, and this image has no conda: name the "
                "channels themselves"
            )
    found = [rattler.Channel(name) for name in names]
    own = [spec.channel for spec in specs if spec.channel is not None]
    if not found and len(own) < len(specs):
        found = [rattler.Channel("conda-forge")]
    unique: dict[str, rattler.Channel] = {}
    for channel in (*found, *own):
        unique.setdefault(channel.base_url, channel)
    return list(unique.values())


def _fail(error: Exception, code: int) -> int:
    print(f"error: {str(error).strip()}", flush=True)
    return code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The threads of the library may be at work while the interpreter is taken down, and abort the process:
    # of 40 installations that were done 5 ended with SIGSEGV or SIGABRT.
    os._exit(code)
