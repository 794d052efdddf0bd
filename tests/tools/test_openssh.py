"""Where OpenSSH comes from on a machine that lacks it."""

import pytest

from devtools.openssh import refusal

SERVER = ["openssh-client", "openssh-server"]


@pytest.mark.parametrize(
    ("packages", "can_install", "systemd"),
    [([], False, True), (SERVER, True, False), (["openssh-client"], True, True)],
)
def test_openssh_is_installed_where_that_starts_no_service(
    packages: list[str], can_install: bool, systemd: bool
) -> None:
    assert refusal(packages, can_install=can_install, systemd=systemd) == ""


@pytest.mark.parametrize(("can_install", "systemd"), [(False, False), (False, True), (True, True)])
def test_refusal_says_what_to_install(can_install: bool, systemd: bool) -> None:
    assert "apt-get install openssh-client openssh-server" in refusal(SERVER, can_install=can_install, systemd=systemd)
