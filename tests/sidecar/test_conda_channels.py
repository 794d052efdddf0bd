"""Channels of conda that need a password, do not answer, or keep what was downloaded."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.conda_channel import CondaChannel, CondaPackage, module_package, python_package, serving_channel
from tests.support.conda_programs import add_conda
from tests.support.installing import Installed, Installer, tools_for
from tests.support.interpreters import interpreters
from tests.support.training_images import TrainingImage, plain_image
from trainingjob.contract.tasks import CondaPackages

PASSWORD = "planted pass:word"
QUOTED = "planted%20pass%3Aword"
TOKEN = "planted-token"


def without_conda(folder: Path) -> TrainingImage:
    return plain_image(folder)


def with_conda(folder: Path) -> TrainingImage:
    image = plain_image(folder)
    add_conda(image)
    return image


IMAGES: dict[str, Callable[[Path], TrainingImage]] = {"without conda": without_conda, "with conda": with_conda}
EACH = pytest.mark.parametrize("kind", IMAGES)


@pytest.fixture
def channel() -> Iterator[CondaChannel]:
    with serving_channel() as served:
        served.add(CondaPackage("tool", "2.0", {"bin/tool": "#!/bin/sh\necho tool\n"}))
        yield served


@pytest.fixture
def tools(tmp_path: Path, conda_tools: Path, channel: CondaChannel) -> Path:
    """Return tools that ask for the package of the channel."""
    wanted = CondaPackages(packages=("tool",), channels=(channel.url,))
    return tools_for(wanted, tmp_path / "tools", conda_tools)


def secret(folder: Path, **files: str) -> str:
    """Return a folder like that of a mounted Secret."""
    (folder / "secret").mkdir()
    for name, text in files.items():
        (folder / "secret" / name).write_text(text)
    return str(folder / "secret")


def planted(installed: Installed, *more: Path) -> list[str]:
    """Return what of a password or token is in the log, in the message, or in a file of the environment."""
    texts = [installed.log, installed.message]
    folders = [installed.environment, *more]
    texts += [file.read_text(errors="replace") for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [text for text in texts if "planted" in text]


@EACH
def test_channel_with_password_is_reached_by_netrc_and_the_password_kept(
    kind: str, tmp_path: Path, tools: Path, channel: CondaChannel
) -> None:
    channel.password = "planted-password"
    credentials = secret(tmp_path, netrc="machine 127.0.0.1 login reader password planted-password\n")

    installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"), credentials=credentials)

    assert (installed.code, installed.message) == (0, "")
    assert installed.run("tool").stdout == "tool\n"
    assert planted(installed) == []


@EACH
@pytest.mark.parametrize("package", ["tool", "nowhere"])
def test_channel_of_the_secret_is_reached_and_its_password_kept(
    package: str, kind: str, tmp_path: Path, conda_tools: Path, channel: CondaChannel
) -> None:
    channel.password = PASSWORD
    credentials = secret(tmp_path, channels=channel.url.replace("://", f"://reader:{QUOTED}@") + "\n")
    tools = tools_for(CondaPackages(packages=(package,)), tmp_path / "tools", conda_tools)
    cache = tmp_path / "cache"
    cache.mkdir()

    installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"), credentials=credentials, cache=str(cache))

    assert installed.code == (0 if package == "tool" else 65), installed.message
    assert planted(installed, cache) == []
    assert "The cache is not used for conda" in installed.log


@EACH
def test_channel_with_a_token_is_reached_and_the_token_kept(
    kind: str, tmp_path: Path, conda_tools: Path, channel: CondaChannel
) -> None:
    channel.token = TOKEN
    url = channel.url.replace("/channel", f"/t/{TOKEN}/channel")
    credentials = secret(tmp_path, channels=url)
    tools = tools_for(CondaPackages(packages=("tool",)), tmp_path / "tools", conda_tools)

    installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"), credentials=credentials)

    assert (installed.code, installed.message) == (0, "")
    assert planted(installed) == []


@EACH
@pytest.mark.parametrize("status", [401, 403, 404])
def test_channel_that_refuses_is_no_use_trying_again(
    status: int, kind: str, tmp_path: Path, tools: Path, channel: CondaChannel
) -> None:
    channel.status = status

    installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"))

    assert installed.code == 65
    assert channel.url in installed.message
    assert str(status) in installed.message


@EACH
@pytest.mark.parametrize("status", [429, 503])
def test_channel_that_is_out_of_order_may_be_asked_again(
    status: int, kind: str, tmp_path: Path, tools: Path, channel: CondaChannel
) -> None:
    channel.status = status

    installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"))

    assert installed.code == 75
    assert channel.url in installed.message
    assert str(status) in installed.message


@EACH
def test_channel_that_is_down_may_be_asked_again(kind: str, tmp_path: Path, conda_tools: Path) -> None:
    with socket.socket() as bound:
        # The port is taken and nobody listens there.
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/channel"
        wanted = CondaPackages(packages=("tool",), channels=(url,))
        tools = tools_for(wanted, tmp_path / "tools", conda_tools)

        installed = Installer(tmp_path, tools)(IMAGES[kind](tmp_path / "image"))

    assert installed.code == 75
    assert url in installed.message
    assert "refused" in installed.message


@EACH
def test_packages_are_kept_where_a_cache_is_given(
    kind: str, tmp_path: Path, tools: Path, channel: CondaChannel
) -> None:
    image, cache = IMAGES[kind](tmp_path / "image"), tmp_path / "cache"
    cache.mkdir()
    assert Installer(tmp_path, tools)(image, cache=str(cache)).code == 0
    asked = len(channel.asked)

    installed = Installer(tmp_path, tools)(image, cache=str(cache))

    assert installed.run("tool").stdout == "tool\n"
    assert [path for path in channel.asked[asked:] if path.endswith(".tar.bz2")] == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"username": "reader"}, "has none of the keys index-url, pip.conf, channels and netrc"),
        ({"channels": "https://example.com/a\nplanted@b"}, "has a line that is no http or https URL"),
    ],
)
def test_secret_without_what_is_needed_is_refused(
    files: dict[str, str], words: str, tmp_path: Path, tools: Path
) -> None:
    installed = Installer(tmp_path, tools)(plain_image(tmp_path / "image"), credentials=secret(tmp_path, **files))

    assert installed.code == 65
    assert words in installed.message
    assert planted(installed) == []


def test_channel_that_conda_alone_knows_is_refused_without_it(tmp_path: Path, conda_tools: Path) -> None:
    wanted = CondaPackages(packages=("tool",), channels=("defaults",))

    installed = Installer(tmp_path, tools_for(wanted, tmp_path / "tools", conda_tools))(plain_image(tmp_path / "image"))

    assert installed.code == 65
    assert "defaults is no channel, but what conda is set to look at, and this image has no conda" in installed.message


def old_image(folder: Path) -> TrainingImage:
    """Return an image whose Python is older than the solver that is brought needs."""
    version = next(version for version in interpreters() if version < (3, 10))
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(interpreters()[version])
    return TrainingImage(folder / "bin", folder)


@pytest.mark.skipif(next(iter(interpreters())) >= (3, 10), reason="This machine has no Python that is old enough.")
def test_image_with_neither_conda_nor_a_new_python_is_told_what_it_lacks(tmp_path: Path, tools: Path) -> None:
    image = old_image(tmp_path / "image")

    installed = Installer(tmp_path, tools)(image, variables={"PATH": str(image.binaries)})

    assert installed.code == 65
    assert "the image has no conda, mamba or micromamba in its PATH" in installed.message
    assert "needs Python 3.10 or later on a system with glibc: it has Python 3." in installed.message


@pytest.mark.skipif(next(iter(interpreters())) >= (3, 10), reason="This machine has no Python that is old enough.")
def test_newer_python_beside_an_old_one_runs_the_solver(tmp_path: Path, tools: Path) -> None:
    image, newer = old_image(tmp_path / "image"), plain_image(tmp_path / "newer")
    name = next(iter((newer.binaries.parent / "lib").iterdir())).name
    (image.binaries / name).symlink_to(newer.python)

    installed = Installer(tmp_path, tools)(image)

    assert (installed.code, installed.message) == (0, "")
    assert installed.run("tool").stdout == "tool\n"


def test_stop_of_the_installation_reaches_conda(tmp_path: Path, tools: Path) -> None:
    image, told = plain_image(tmp_path / "image"), tmp_path / "told"
    image.add_script(
        "conda",
        f"[ $1 = --version ] && exit; trap 'touch {told}; exit 0' TERM; echo begun; while :; do sleep 0.1; done",
        "/bin/sh",
    )
    with Installer(tmp_path, tools).begin(image) as process:
        assert process.stdout is not None
        assert "begun\n" in iter(process.stdout.readline, "")
        process.terminate()

    assert process.returncode == 128 + signal.SIGTERM
    assert told.exists()


def test_conda_that_is_ended_says_by_what(tmp_path: Path, tools: Path) -> None:
    image = plain_image(tmp_path / "image")
    image.add_script("conda", "[ $1 = --version ] || kill -KILL $$", "/bin/sh")

    installed = Installer(tmp_path, tools)(image)

    assert installed.code == 128 + signal.SIGKILL
    assert "conda was ended by SIGKILL." in installed.message


def test_listing_of_what_is_installed_is_kept_for_conda(tmp_path: Path, conda_tools: Path) -> None:
    with serving_channel() as channel:
        channel.add(python_package())
        channel.add(module_package("arrays", "1.0"))
        wanted = CondaPackages(packages=("arrays",), channels=(channel.url,))
        tools = tools_for(wanted, tmp_path / "tools", conda_tools)
        installed = Installer(tmp_path, tools)(plain_image(tmp_path / "image"))

    found = [json.loads(file.read_text()) for file in installed.environment.glob("conda/conda-meta/*.json")]
    assert {entry["name"] for entry in found} == {"arrays", "python"}


def test_python_of_the_images_conda_installs_where_none_is_in_its_path(tmp_path: Path, tools: Path) -> None:
    image = with_conda(tmp_path / "opt")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "conda").symlink_to(image.binaries / "conda")
    script = tools / "install-packages"
    assert "/opt/conda/bin/python" in script.read_text()
    script.write_text(script.read_text().replace("/opt/conda/bin/python", str(image.python)))
    pathless = TrainingImage(tmp_path / "bin", tmp_path)

    installed = Installer(tmp_path, tools)(pathless, variables={"PATH": f"{tmp_path}/bin"})

    assert (installed.code, installed.message) == (0, "")
    assert (installed.environment / "conda" / "bin" / "tool").exists()
