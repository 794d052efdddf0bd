"""Packages of conda in images with a conda and without one, from a channel on this machine."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.conda_channel import (
    PLACEHOLDER,
    CondaChannel,
    CondaPackage,
    borrowed_python,
    module_package,
    python_package,
    serving_channel,
)
from tests.support.conda_programs import add_conda
from tests.support.installing import Installed, Installer, packages_seen, tools_for
from tests.support.package_index import PackageIndex, serving
from tests.support.training_images import TrainingImage, image_with_pip, plain_image
from trainingjob.contract.tasks import CondaPackages

Conda = Callable[..., Installed]

TOOL = CondaPackage(
    "tool",
    "2.0",
    {
        "bin/tool": f"#!/bin/sh\necho {PLACEHOLDER}/share/tool\n",
        "etc/conda/activate.d/tool.sh": 'export TOOL_DATA="$CONDA_PREFIX/share/it\'s $USER_SAID"\nunset TOOL_OLD\n',
        "etc/conda/activate.d/zz-broken.sh": "echo this one is broken >&2\nexit 3\n",
    },
)


@pytest.fixture(scope="module")
def channel() -> Iterator[CondaChannel]:
    with serving_channel() as served:
        served.add(python_package())
        served.add(module_package("arrays", "1.0"))
        served.add(module_package("arrays", "2.0"))
        served.add(module_package("learning", "1.0", ["arrays <2"], scripts=["learn"]))
        served.add(TOOL)
        served.add(CondaPackage("fast", "0.9", {"share/fast": "cpu"}))
        served.add(CondaPackage("fast", "1.0", {"share/fast": "cuda"}, ["__cuda >=12.4"]))
        yield served


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with serving() as served:
        served.add_wheel("beside", "3.0", requires=["learning"], scripts=["beside"])
        yield served


@pytest.fixture
def conda(tmp_path: Path, conda_tools: Path) -> Conda:
    """Return what installs packages of conda into an image, and of pip after them."""

    def install(image: TrainingImage, asked: CondaPackages, pip: list[str] | None = None, **options: Any) -> Installed:
        folder = tmp_path / "tools"
        installer = Installer(tmp_path, tools_for(asked, folder, conda_tools))
        return installer(image, pip or [], **options)

    return install


def asked(channel: CondaChannel, *packages: str) -> CondaPackages:
    return CondaPackages(packages=packages, channels=(channel.url,))


def without_conda(folder: Path) -> TrainingImage:
    return plain_image(folder)


def with_conda(folder: Path) -> TrainingImage:
    image = plain_image(folder)
    add_conda(image)
    return image


def with_micromamba(folder: Path) -> TrainingImage:
    image = plain_image(folder)
    add_conda(image, "micromamba")
    return image


IMAGES: dict[str, Callable[[Path], TrainingImage]] = {
    "without conda": without_conda,
    "with conda": with_conda,
    "with micromamba": with_micromamba,
}


@pytest.mark.parametrize("kind", IMAGES)
def test_program_runs_with_the_python_and_the_programs_of_conda(
    kind: str, tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    image = IMAGES[kind](tmp_path / "image")
    image.add("ofimage", "1.0")

    installed = conda(image, asked(channel, "learning", "tool>=1"))

    prefix = installed.environment / "conda"
    assert (installed.code, installed.message) == (0, "")
    assert packages_seen(installed, "learning", "arrays") == {"learning": "1.0", "arrays": "1.0"}
    assert installed.run("learn").stdout == f"learning 1.0 {prefix}\n"
    assert installed.run("tool").stdout == f"{prefix}/share/tool\n"
    assert installed.run("python", "-c", "import trainingjob; print(trainingjob.__file__)").stdout.startswith(
        str(prefix)
    )
    assert "No module named 'ofimage'" in installed.run("python", "-c", "import ofimage").stderr
    assert "arrays 1.0, learning 1.0, python" in installed.log
    assert not (installed.environment / ".installing").exists()


def test_python_that_is_not_as_it_should_be_fails_no_installation_without_pip(tmp_path: Path, conda: Conda) -> None:
    with serving_channel() as channel:
        channel.add(borrowed_python())
        channel.add(module_package("arrays", "1.0"))
        installed = conda(without_conda(tmp_path / "image"), asked(channel, "arrays"))
    assert (installed.code, installed.message) == (0, "")


def test_which_program_made_it_is_in_the_log(tmp_path: Path, conda: Conda, channel: CondaChannel) -> None:
    image = with_conda(tmp_path / "image")
    program = add_conda(image, "mamba")

    installed = conda(image, asked(channel, "tool"))

    assert f"Installing with the image's {program} (mamba 26.7.0): tool" in installed.log


def test_conda_that_does_not_run_is_none(tmp_path: Path, conda: Conda, channel: CondaChannel) -> None:
    image = plain_image(tmp_path / "image")
    image.add_script("conda", "raise SystemExit(1)")

    installed = conda(image, asked(channel, "tool"))

    assert installed.code == 0
    assert "Installing with the operator's solver: tool" in installed.log
    assert "Solved in" in installed.log


def test_channels_of_the_images_conda_count_where_none_are_named(
    tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    image = plain_image(tmp_path / "image")
    add_conda(image, channels=(channel.url,))

    assert conda(image, CondaPackages(packages=("tool",))).code == 0


@pytest.mark.parametrize("kind", ["without conda", "with conda"])
def test_channel_that_a_package_names_itself_is_looked_at(
    kind: str, tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    with serving_channel() as other:
        other.add(CondaPackage("special", "1.0", {"share/special": ""}))
        wanted = CondaPackages(packages=(f"{other.url}::special", "tool"), channels=(channel.url,))
        installed = conda(IMAGES[kind](tmp_path / "image"), wanted)

    assert (installed.code, installed.message) == (0, "")
    assert (installed.environment / "conda" / "share" / "special").exists()


def test_python_of_the_image_runs_where_conda_brings_none(tmp_path: Path, conda: Conda, channel: CondaChannel) -> None:
    image = plain_image(tmp_path / "image")
    image.add("ofimage", "1.0")

    installed = conda(image, asked(channel, "tool"))

    assert (
        installed.run("python", "-c", "import sys, ofimage; print(sys.prefix)").stdout == f"{image.binaries.parent}\n"
    )
    assert installed.run("tool").returncode == 0


def test_activation_of_packages_reaches_the_program_and_a_broken_one_hurts_nobody(
    tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    said = {"USER_SAID": '\'; echo "no"\n$HOME', "TOOL_OLD": "old"}
    installed = conda(plain_image(tmp_path / "image"), asked(channel, "tool"), variables=said)
    code = "import json, os; print(json.dumps(dict(os.environ)))"

    assert "Passed over zz-broken.sh of etc/conda/activate.d, which fails: this one is broken" in installed.log
    command = installed.command("python", "-c", code)
    image = installed.image.search_path
    ended = subprocess.run(command, env={"PATH": f"/first:{image}", **said}, capture_output=True, text=True, check=True)
    seen = __import__("json").loads(ended.stdout)
    prefix = installed.environment / "conda"
    assert seen["TOOL_DATA"] == f"{prefix}/share/it's {said['USER_SAID']}"
    assert "TOOL_OLD" not in seen
    assert (seen["CONDA_PREFIX"], seen["PATH"]) == (str(prefix), f"{prefix}/bin:/first:{image}")
    assert "TRAININGJOB_TASK" not in seen


def test_pip_installs_into_the_environment_of_conda(
    tmp_path: Path, conda: Conda, channel: CondaChannel, index: PackageIndex
) -> None:
    channel.add(
        CondaPackage(
            "learning-info",
            "1.0",
            {"site-packages/learning-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: learning\nVersion: 1.0\n"},
            ["python"],
            noarch_python=True,
        )
    )
    installed = conda(
        plain_image(tmp_path / "image"), asked(channel, "learning", "learning-info"), ["beside"], index=index
    )

    prefix = installed.environment / "conda"
    assert (installed.code, installed.message) == (0, "")
    assert installed.run("beside").stdout == f"beside 3.0 {prefix}\n"
    assert packages_seen(installed, "beside", "learning") == {"beside": "3.0", "learning": "1.0"}
    assert "Installing with the operator's pip: beside" in installed.log
    assert not (installed.environment / "pyvenv.cfg").exists()


def test_pip_installs_beside_the_image_where_conda_brings_no_python(
    tmp_path: Path, conda: Conda, channel: CondaChannel, index: PackageIndex
) -> None:
    image = image_with_pip(tmp_path / "image")
    image.add("learning", "0.9")
    image.add_script("torchrun", "import beside, sys; print(beside.VERSION, sys.prefix)")

    installed = conda(image, asked(channel, "tool"), ["beside"], index=index)

    assert (installed.code, installed.message) == (0, "")
    assert installed.own_packages == {"beside-3.0"}
    assert packages_seen(installed, "beside", "learning") == {"beside": "3.0", "learning": "0.9"}
    assert installed.run("torchrun").stdout == f"3.0 {installed.environment}\n"
    assert installed.run("tool").returncode == 0
    assert installed.run("sh", "-c", "echo $VIRTUAL_ENV").stdout == f"{installed.environment}\n"


FILE = """\
name: digits
channels: [{channel}, nodefaults]
dependencies:
  - learning=1.0
  - pip:
    - -r more/list.txt
    - beside>=1
"""


def test_file_of_the_source_names_channels_and_packages_of_both_kinds(
    tmp_path: Path, conda: Conda, channel: CondaChannel, index: PackageIndex
) -> None:
    source = tmp_path / "source"
    (source / "deep" / "more").mkdir(parents=True)
    (source / "deep" / "environment.yml").write_text(FILE.format(channel=channel.url))
    (source / "deep" / "more" / "list.txt").write_text("other\n")
    index.add_wheel("other", "1.0")
    index.add_wheel("learning", "1.0")

    installed = conda(
        plain_image(tmp_path / "image"),
        CondaPackages(file="deep/environment.yml", workspace=str(source)),
        index=index,
        workspace=str(source),
    )

    assert (installed.code, installed.message) == (0, "")
    assert packages_seen(installed, "beside", "other", "arrays") == {"beside": "3.0", "other": "1.0", "arrays": "1.0"}


@pytest.mark.parametrize("kind", ["without conda", "with conda"])
@pytest.mark.parametrize(
    ("package", "words"),
    [("nowhere", "nowhere"), ("arrays>=3", "arrays >=3"), ("learning arrays>=2", "arrays"), ("=! 1", "")],
)
def test_what_cannot_be_solved_ends_in_words_of_the_solver(
    package: str, words: str, kind: str, tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    wanted = package.split(" ") if package.startswith("learning") else [package]

    installed = conda(IMAGES[kind](tmp_path / "image"), asked(channel, *wanted))

    assert installed.code == 65, installed.log
    assert words in installed.message
    assert installed.message.strip() in installed.log or kind == "with conda"


@pytest.mark.parametrize(
    ("cuda", "said", "found"), [(True, "12.4.1", "cuda"), (True, "", "cpu"), (False, "12.4.1", "cpu")]
)
def test_builds_for_gpus_are_chosen_where_the_program_gets_some(
    cuda: bool, said: str, found: str, tmp_path: Path, conda: Conda, channel: CondaChannel
) -> None:
    variables = {"CUDA_VERSION": said} if said else {}

    installed = conda(plain_image(tmp_path / "image"), asked(channel, "fast"), variables=variables, cuda=cuda)

    assert (installed.environment / "conda" / "share" / "fast").read_text() == found
    assert ("CONDA_OVERRIDE_CUDA" in installed.log) is (cuda and not said)


def test_environment_can_be_read_by_every_user(tmp_path: Path, conda: Conda, channel: CondaChannel) -> None:
    installed = conda(plain_image(tmp_path / "image"), asked(channel, "learning"), variables={"HOME": "/nowhere"})

    found = [path for path in installed.environment.rglob("*") if not path.is_symlink()]
    assert installed.code == 0
    assert [path for path in found if not path.stat().st_mode & 0o004] == []


@pytest.mark.parametrize(
    "files",
    [
        {"../../../escaped": "x"},
        {"share/link": Path("/tmp"), "share/link/escaped": "x"},  # noqa: S108
    ],
)
def test_package_that_leaves_its_folder_is_refused(files: dict[str, str | Path], tmp_path: Path, conda: Conda) -> None:
    with serving_channel() as hostile:
        hostile.add(CondaPackage("hostile", "1.0", files))
        installed = conda(plain_image(tmp_path / "image"), asked(hostile, "hostile"))

    assert installed.code == 65
    assert "hostile" in installed.message
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/tmp/escaped").exists()  # noqa: S108
