"""Stand-ins for the conda, mamba and micromamba of images: they take the same words, and solve with py-rattler.

None of the three can be had from a package index. What the words do to the real conda was tried with it; these refuse
whatever they do not know, so that a word that none of them knows fails a test.
"""

import sys
from pathlib import Path

from tests.support.training_images import TrainingImage

VERSION = "26.7.0"

_PROGRAM = """\
import argparse, asyncio, json, os, pathlib, sys

if sys.argv[1:] == ["--version"]:
    print("{name} {version}")
    raise SystemExit
sys.path[:0] = {path!r}
import rattler
from rattler import exceptions
from rattler.networking import Client

words = argparse.ArgumentParser(allow_abbrev=False)
words.add_argument("command", choices=["create"])
words.add_argument("-y", "--yes", action="store_true", required=True)
words.add_argument("-q", "--quiet", action="store_true")
words.add_argument("-p", "--prefix", type=pathlib.Path, required=True)
words.add_argument("--override-channels", action="store_true")
words.add_argument("-c", "--channel", action="append", default=[])
words.add_argument("packages", nargs="+")
asked = words.parse_args()
if asked.prefix.exists():
    sys.exit("Non-conda folder exists at prefix")
settings = pathlib.Path(os.environ["HOME"], ".condarc")
multiple = json.loads(settings.read_text())["custom_multichannels"] if settings.is_file() else {{}}
channels = [url for name in asked.channel for url in multiple.get(name, [name])]
if not asked.override_channels:
    channels += {own!r}


async def create():
    client = Client.default_client(max_retries=0)
    kept = pathlib.Path(os.environ["CONDA_PKGS_DIRS"])
    gateway = rattler.Gateway(cache_dir=kept / "cache", client=client)
    records = await rattler.solve(
        sources=channels,
        specs=[rattler.MatchSpec(package) for package in asked.packages],
        gateway=gateway,
        virtual_packages=rattler.VirtualPackage.detect(overrides=rattler.VirtualPackageOverrides.from_env()),
    )
    await rattler.install(records, target_prefix=asked.prefix, cache_dir=kept, show_progress=False, client=client)
    history = "".join(f"+{{channel}}/noarch::{{package}}\\n" for channel in channels for package in asked.packages)
    (asked.prefix / "conda-meta" / "history").write_text("==> now <==\\n" + history)


def end(words):
    print(words, file=sys.stderr, flush=True)
    os._exit(bool(words))


print("Collecting package metadata (repodata.json): ...working... done")
try:
    asyncio.run(create())
except exceptions.SolverError as error:
    end("PackagesNotFoundInChannelsError: The following packages are not available from current channels:\\n\\n"
        + str(error).strip() + "\\n\\nTo search for alternate channels that may provide the conda package you're\\n"
        "looking for, navigate to\\n\\nand use the search bar at the top of the page.")
except exceptions.InvalidMatchSpecError as error:
    end(f"InvalidMatchSpec: {{error}}")
except exceptions.GatewayError as error:
    end(f"UnavailableInvalidChannel: {{str(error).strip()}}")
end("")
"""


def add_conda(image: TrainingImage, name: str = "conda", channels: tuple[str, ...] = ()) -> Path:
    """Give an image a conda.

    Args:
        image: what gets it, beside its Python.
        name: conda, mamba or micromamba.
        channels: those that it is set to look at.
    """
    text = _PROGRAM.format(name=name, version=VERSION, path=sys.path, own=list(channels))
    image.add_script(name, text, sys.executable)
    return image.binaries / name
