"""What a build is told about the machine that it runs on, and the stand-in for the base image."""

from pathlib import Path

import pytest

from devtools.images.base import debian_mirror, tidy
from devtools.images.host import apt_settings, mounts, pip_settings


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the variables of a machine without pip files of its own and without apt."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("devtools.images.host._pip_files", lambda _: [])
    return {"HOME": str(tmp_path)}


def test_a_machine_without_settings_mounts_nothing(bare: dict[str, str], tmp_path: Path) -> None:
    assert mounts(tmp_path, bare) == []


def test_a_certificate_is_mounted_and_named_by_the_path_inside(bare: dict[str, str], tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    found = mounts(tmp_path, {**bare, "SSL_CERT_FILE": str(bundle)})
    assert found == [f"{bundle}:/run/build-host/cert:ro", f"{tmp_path}/pip.conf:/etc/pip.conf:ro"]
    assert (tmp_path / "pip.conf").read_text() == "[global]\ncert = /run/build-host/cert\n"


def test_a_path_that_does_not_exist_here_is_left_out(bare: dict[str, str], tmp_path: Path) -> None:
    assert mounts(tmp_path, {**bare, "PIP_CERT": str(tmp_path / "missing.pem")}) == []


def test_pip_settings_that_do_not_concern_downloads_are_left_out() -> None:
    settings = pip_settings([], {"PIP_TARGET": "/somewhere", "PIP_USER": "1", "PIP_DEFAULT_TIMEOUT": "60"})
    assert settings == {"timeout": "60"}


def test_pip_variables_outweigh_files_and_later_files_outweigh_earlier_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "first.conf", tmp_path / "second.conf"
    first.write_text("[global]\nindex-url = https://one.example\nproxy = http://one.example\nretries = 1\n")
    second.write_text("[global]\nproxy = http://two.example\nretries = 2\n[install]\nuser = true\n")
    assert pip_settings([first, second], {"PIP_RETRIES": "3"}) == {
        "index-url": "https://one.example",
        "proxy": "http://two.example",
        "retries": "3",
    }


def test_several_addresses_in_a_pip_file_stay_several(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nextra-index-url =\n    https://one.example\n    https://two.example\n")
    assert pip_settings([file], {}) == {"extra-index-url": "https://one.example https://two.example"}


def test_a_percent_sign_in_a_pip_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://user:p%40ss@one.example\n")
    assert pip_settings([file], {})["index-url"] == "https://user:p%40ss@one.example"


def test_apt_settings_keep_what_concerns_downloads_and_move_certificates() -> None:
    dump = "\n".join(
        [
            'APT::Architecture "amd64";',
            'Acquire::http::Proxy "http://proxy.example:3128";',
            'Acquire::https::CaInfo "/etc/own.pem";',
            'Acquire::Check-Date "false";',
            'Acquire::Languages "";',
        ]
    )
    lines, certificates = apt_settings(dump)
    assert certificates == ["/etc/own.pem"]
    assert lines == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::CaInfo "/run/build-host/apt-0";',
        'Acquire::Check-Date "false";',
    ]


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        ("deb [signed-by=/k] http://one.example/debian bookworm main\n", "http://one.example/debian"),
        ("# deb http://one.example bookworm main\ndeb http://two.example trixie main\n", None),
        (
            "Types: deb\nURIs: http://one.example/debian\nSuites: bookworm bookworm-updates\n",
            "http://one.example/debian",
        ),
        (
            "Types: deb\nURIs: http://security.example\nSuites: bookworm-security\n\n"
            "Types: deb\nURIs: http://one.example\nSuites: bookworm\n",
            "http://one.example",
        ),
        ("", None),
    ],
    ids=["one-line", "other-release", "stanza", "security-first", "none"],
)
def test_the_mirror_is_the_one_that_serves_debian_12_itself(sources: str, mirror: str | None) -> None:
    assert debian_mirror(sources) == mirror


def test_the_stand_in_has_the_names_of_the_official_image_and_lets_pip_install(tmp_path: Path) -> None:
    for name in ("usr/local/bin", "usr/lib/python3.11", "usr/share/doc/python3", "var/cache/apt"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "usr/lib/python3.11/EXTERNALLY-MANAGED").touch()
    (tmp_path / "var/cache/apt/pkgcache.bin").touch()
    tidy(tmp_path)
    links = {path.name: str(path.readlink()) for path in (tmp_path / "usr/local/bin").iterdir()}
    assert links == {
        "python": "/usr/bin/python3",
        "python3": "/usr/bin/python3",
        "pip": "/usr/bin/pip3",
        "pip3": "/usr/bin/pip3",
    }
    assert not list(tmp_path.rglob("EXTERNALLY-MANAGED"))
    assert not list(tmp_path.glob("usr/share/doc/*")) + list(tmp_path.glob("var/cache/apt/*"))
