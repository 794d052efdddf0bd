"""What is installed into which kind of image, by the tools as they run in a pod."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.installing import Installer, packages_seen
from tests.support.package_index import PackageIndex, serving, write_project
from tests.support.training_images import TrainingImage, environment_image, image_with_pip, plain_image


@pytest.fixture(scope="module")
def index() -> Iterator[PackageIndex]:
    with serving() as served:
        served.add_wheel("arrays", "1.0")
        served.add_wheel("arrays", "2.0")
        served.add_wheel("learning", "1.0", requires=["arrays>=1"], scripts=["learn"])
        served.add_wheel("newest", "1.0", requires=["arrays>=2"])
        served.add_wheel("clash", "1.0", requires=["arrays<2"])
        served.add_broken("broken", "1.0", "the compiler is missing")
        yield served


def environment_with_pip(folder: Path) -> TrainingImage:
    image = environment_image(plain_image(folder / "below"), folder / "image")
    image.add_pip()
    return image


def environment_over_packages(folder: Path) -> TrainingImage:
    below = plain_image(folder / "below")
    below.add("arrays", "0.1")
    return environment_image(below, folder / "image")


IMAGES: dict[str, Callable[[Path], TrainingImage]] = {
    "with pip": image_with_pip,
    "without pip": plain_image,
    "environment with pip": environment_with_pip,
    "environment without pip": environment_over_packages,
}


@pytest.mark.parametrize("kind", IMAGES)
def test_package_of_image_is_not_installed_again(
    kind: str, tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = IMAGES[kind](tmp_path / "image")
    image.add("arrays", "1.0")

    installed = install(image, ["learning"], index=index)

    assert (installed.code, installed.message) == (0, "")
    assert installed.own_packages == {"learning-1.0"}
    assert packages_seen(installed, "arrays", "learning") == {"arrays": "1.0", "learning": "1.0"}
    assert "learning 1.0." in installed.log


@pytest.mark.parametrize("kind", ["without pip", "environment with pip"])
def test_version_that_is_demanded_comes_before_that_of_image(
    kind: str, tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = IMAGES[kind](tmp_path / "image")
    image.add("arrays", "1.0")

    installed = install(image, ["newest"], index=index)

    assert installed.own_packages == {"arrays-2.0", "newest-1.0"}
    assert packages_seen(installed, "arrays") == {"arrays": "2.0"}
    assert (image.packages / "arrays.py").read_text().count("'1.0'") == 1


def test_image_that_has_everything_needs_no_index(tmp_path: Path, install: Installer) -> None:
    image = image_with_pip(tmp_path / "image")
    image.add("arrays", "1.0")

    installed = install(image, ["arrays>=1"])

    assert (installed.code, installed.own_packages) == (0, set())
    assert "The image has all of it" in installed.log


def test_packages_below_environment_of_image_stay_hidden(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    installed = install(environment_over_packages(tmp_path / "image"), ["learning"], index=index)

    assert installed.own_packages == {"arrays-2.0", "learning-1.0"}


def test_requirements_file_may_name_folders_of_the_source(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    source = tmp_path / "source"
    write_project(source, "ours", "0.1")
    write_project(source / "vendored", "theirs", "0.2")
    (source / "requirements.txt").write_text("learning==1.0  # the newest\n-r more.txt\n-e .\n./vendored\n")
    (source / "more.txt").write_text("newest\n")
    # Names of modules that pip imports: the user's folder must not lend it these.
    for name in ("json", "logging", "pip", "random"):
        (source / f"{name}.py").write_text("raise SystemExit('the user has this')\n")

    installed = install(
        image_with_pip(tmp_path / "image"), index=index, pip_file="requirements.txt", workspace=str(source)
    )

    assert (installed.code, installed.message) == (0, "")
    assert installed.own_packages == {"learning-1.0", "newest-1.0", "arrays-2.0", "ours-0.1", "theirs-0.2"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["nowhere"], "No matching distribution found for nowhere"),
        (["newest", "clash"], "clash 1.0 depends on arrays<2"),
        (["broken"], "the compiler is missing"),
        (["arrays =! 1"], "Invalid requirement"),
    ],
)
def test_what_cannot_be_installed_ends_in_words_of_pip(
    asked: list[str], words: str, tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    installed = install(image_with_pip(tmp_path / "image"), asked, index=index)

    assert installed.code == 65
    assert words in installed.message
    assert words in installed.log


def test_environment_that_was_half_made_is_made_anew(tmp_path: Path, install: Installer, index: PackageIndex) -> None:
    left = tmp_path / "environment" / "lib" / "python3.1" / "site-packages"
    left.mkdir(parents=True)
    (left / "arrays.py").write_text("broken")
    (tmp_path / "environment" / "pyvenv.cfg").write_text("home = /nowhere\n")

    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index)

    assert (installed.code, packages_seen(installed, "arrays")) == (0, {"arrays": "2.0"})
    assert not left.exists()


def test_environment_can_be_changed_by_every_user(tmp_path: Path, install: Installer, index: PackageIndex) -> None:
    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index, variables={"HOME": "/nowhere"})

    found = [path for path in installed.environment.rglob("*") if not path.is_symlink()]
    assert installed.code == 0
    assert [path for path in found if path.is_dir() and path.stat().st_mode & 0o777 != 0o777] == []
    assert {path.name for path in installed.environment.iterdir()} <= {
        "bin", "include", "lib", "lib64", "pyvenv.cfg", ".gitignore", "share",
    }  # fmt: skip


def test_wheels_are_kept_where_a_cache_is_given(tmp_path: Path, install: Installer, index: PackageIndex) -> None:
    image, cache = image_with_pip(tmp_path / "image"), str(tmp_path / "cache")
    assert install(image, ["arrays"], index=index, cache=cache).code == 0
    asked = len(index.asked)

    assert install(image, ["arrays"], index=index, cache=cache).code == 0

    assert [path for path in index.asked[asked:] if path.startswith("/files/")] == []


OLD_PYTHON = """\
#!/bin/sh
case "$2" in
*version_info*) exit 1 ;;
esac
[ "$1" != --version ] || echo Python 2.7.18
"""


def old_python(folder: Path) -> Path:
    """Return a folder of programs with a Python of long ago."""
    folder.mkdir()
    (folder / "python").write_text(OLD_PYTHON)
    (folder / "python").chmod(0o755)
    return folder


def test_image_without_python_is_told_so(tmp_path: Path, install: Installer) -> None:
    image = TrainingImage(old_python(tmp_path / "bin"), tmp_path)

    installed = install(image, ["arrays"], variables={"PATH": str(image.binaries)})

    assert installed.code == 65
    assert "spec.environment needs an image with Python 3.6 or later" in installed.message
    assert "python is Python 2.7.18" in installed.message


def test_newer_python_of_an_image_is_found_behind_an_older(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = image_with_pip(tmp_path / "image")
    path = f"{old_python(tmp_path / 'bin')}:{image.search_path}"

    installed = install(image, ["arrays"], index=index, variables={"PATH": path})

    assert (installed.code, installed.own_packages) == (0, {"arrays-2.0"})
    assert "(" + str(image.binaries / "python3") + ")" in installed.log


def test_python_that_makes_no_environments_gets_one_by_hand(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = image_with_pip(tmp_path / "image")
    image.add("arrays", "1.0")
    next((tmp_path / "image").glob("lib/python3*/venv")).unlink()

    installed = install(image, ["learning"], index=index)

    assert (installed.code, installed.own_packages) == (0, {"learning-1.0"})
    assert packages_seen(installed, "arrays", "learning") == {"arrays": "1.0", "learning": "1.0"}
    assert installed.run("learn").stdout == f"learning 1.0 {installed.environment}\n"


def test_python_that_is_told_its_home_by_the_image_installs(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    home = {"PYTHONHOME": str(tmp_path / "image")}

    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index, variables=home)

    assert (installed.code, installed.own_packages) == (0, {"arrays-2.0"})


def test_image_whose_pip_is_broken_and_whose_python_talks_gets_the_brought_one(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    image = plain_image(tmp_path / "image")
    (image.packages / "pip.py").write_text("raise AttributeError('of another OpenSSL')\n")
    (image.packages / "greeting.pth").write_text("import sys; print('Welcome'); print('Beware', file=sys.stderr)\n")

    installed = install(image, ["arrays"], index=index)

    assert (installed.code, installed.own_packages) == (0, {"arrays-2.0"})
    assert "Installing with the operator's pip: arrays" in installed.log


def test_volume_that_cannot_be_written_is_named(tmp_path: Path, install: Installer) -> None:
    (tmp_path / "environment").write_text("a file")

    installed = install(image_with_pip(tmp_path / "image"), ["arrays"])

    assert installed.code == 75
    assert (
        f"The environment for the packages cannot be written: [Errno 17] File exists: '{tmp_path}" in installed.message
    )
