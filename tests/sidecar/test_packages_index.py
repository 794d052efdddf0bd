"""How an index is asked, what becomes of one that does not answer, and where its password shows: nowhere."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installing import Installed, Installer
from tests.support.package_index import PackageIndex, serving
from tests.support.training_images import image_with_pip, plain_image

PASSWORD = "planted/pass:word"
QUOTED = "planted%2Fpass%3Aword"


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with serving() as served:
        served.add_wheel("arrays", "1.0")
        yield served


@pytest.fixture
def guarded(index: PackageIndex) -> PackageIndex:
    index.password = PASSWORD
    return index


def with_password(index: PackageIndex, password: str = QUOTED) -> str:
    return index.url.replace("://", f"://reader:{password}@")


def secret(folder: Path, **files: str) -> str:
    """Return a folder like that of a mounted Secret."""
    for name, text in files.items():
        file = folder / "secret" / {"index_url": "index-url", "pip_conf": "pip.conf"}.get(name, name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return str(folder / "secret")


def says_password(installed: Installed) -> list[str]:
    """Return what of the password is in the log, in the message, or in a file of the environment."""
    texts = [installed.log, installed.message]
    texts += [file.read_text(errors="replace") for file in installed.environment.rglob("*") if file.is_file()]
    return [form for form in (PASSWORD, QUOTED, "pass:word", "pass%3Aword") for text in texts if form in text]


@pytest.mark.parametrize("kind", ["index_url", "pip_conf", "netrc"])
def test_index_with_password_is_reached_and_the_password_kept(
    kind: str, tmp_path: Path, install: Installer, guarded: PackageIndex
) -> None:
    texts = {
        "index_url": f"{with_password(guarded)}\n",
        "pip_conf": f"[global]\nindex-url = {with_password(guarded)}\n",
        "netrc": f"machine 127.0.0.1 login reader password {PASSWORD}\n",
    }
    credentials = secret(tmp_path, **{kind: texts[kind]})

    installed = install(
        image_with_pip(tmp_path / "image"),
        ["arrays"],
        credentials=credentials,
        index_url=guarded.url if kind == "netrc" else "",
    )

    assert (installed.code, installed.message) == (0, "")
    assert installed.own_packages == {"arrays-1.0"}
    assert says_password(installed) == []


def test_password_of_an_index_without_the_package_shows_nowhere(
    tmp_path: Path, install: Installer, guarded: PackageIndex
) -> None:
    credentials = secret(tmp_path, index_url=with_password(guarded))
    chatty = {"PIP_VERBOSE": "3"}

    installed = install(plain_image(tmp_path / "image"), ["nowhere"], credentials=credentials, variables=chatty)

    assert installed.code == 65
    assert "No matching distribution found for nowhere" in installed.message
    assert "/simple/nowhere/" in installed.log
    assert says_password(installed) == []


def test_password_that_a_build_prints_is_hidden(tmp_path: Path, install: Installer, guarded: PackageIndex) -> None:
    guarded.add_broken("tattler", "1.0", f"I know {PASSWORD} and {with_password(guarded)}")
    credentials = secret(tmp_path, index_url=with_password(guarded))

    installed = install(image_with_pip(tmp_path / "image"), ["tattler"], credentials=credentials)

    assert installed.code == 65
    assert "I know **** and http://****@127.0.0.1" in installed.message
    assert says_password(installed) == []


def test_wrong_password_is_refused(tmp_path: Path, install: Installer, guarded: PackageIndex) -> None:
    credentials = secret(tmp_path, index_url=with_password(guarded, "wrong-one"))

    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], credentials=credentials)

    assert installed.code == 65
    assert f"The package index {guarded.url} does not accept the credentials." in installed.message
    assert "wrong-one" not in installed.message + installed.log


@pytest.mark.parametrize("status", [502, 503])
def test_index_that_is_out_of_order_may_be_asked_again(
    status: int, tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    index.status = status

    installed = install(image_with_pip(tmp_path / "image"), ["arrays"], index=index)

    assert installed.code == 75
    assert installed.message.splitlines()[-1].startswith(f"The package index {index.url} did not answer: HTTP {status}")


def test_index_that_is_down_may_be_asked_again(tmp_path: Path, install: Installer) -> None:
    with socket.socket() as bound:
        # The port is taken and nobody listens there.
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/simple"

        installed = install(plain_image(tmp_path / "image"), ["arrays"], index=PackageIndex(url))

    assert installed.code == 75
    assert f"The package index {url} did not answer: [Errno 111] Connection refused" in installed.message


def test_index_of_the_requirements_file_is_the_one_that_must_answer(
    tmp_path: Path, install: Installer, index: PackageIndex
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/other"
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "needs.txt").write_text(f"--extra-index-url {url}\nnowhere\n")

        installed = install(
            image_with_pip(tmp_path / "image"), index=index, pip_file="needs.txt", workspace=str(tmp_path / "source")
        )

    assert installed.code == 75
    assert f"The package index {url} did not answer" in installed.message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"username": "reader"}, "has none of the keys index-url, pip.conf, channels and netrc"),
        (
            {"index_url": "ftp://reader:planted@example.com"},
            "index-url of the Secret of spec.environment.secretRef is no",
        ),
    ],
)
def test_secret_without_what_is_needed_is_refused(
    files: dict[str, str], words: str, tmp_path: Path, install: Installer
) -> None:
    installed = install(plain_image(tmp_path / "image"), ["arrays"], credentials=secret(tmp_path, **files))

    assert installed.code == 65
    assert words in installed.message
    assert "planted" not in installed.message
