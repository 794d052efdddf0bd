"""The keys of an MPI job in the hands of the real OpenSSH."""

import os
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devtools import openssh
from devtools.progress import Progress
from tests.unit.controller.openssh import HOST, Pod
from trainingjob.controller.ssh_keys import make_ssh_keys

PRIVATE = ("client_key", "host_key")


@pytest.fixture(scope="module")
def real_ssh() -> None:
    """See that OpenSSH is there, and that this user may play a pod with it."""
    if why := openssh.ensure(Progress("test")):
        pytest.skip(why)


@pytest.fixture
def pods(real_ssh: None) -> Iterator[tuple[Pod, Pod]]:  # noqa: ARG001 - the pods need the programs
    """Return pods of two attempts; pytest's own folder would be closed to their user."""
    with ExitStack() as stack:
        made = [Pod(Path(stack.enter_context(tempfile.TemporaryDirectory()))) for _ in range(2)]
        for pod in made:
            pod.folder.chmod(0o755)
            pod.lay_out()
        first, second = made
        if os.geteuid() == 0 and (refused := first.run("true")).returncode:
            pytest.skip(f"This root may not change to a pod's user: {refused.stderr}")
        yield first, second


@pytest.fixture
def pod(pods: tuple[Pod, Pod]) -> Pod:
    """Return a pod."""
    return pods[0]


def test_keys_of_client_and_host_differ_and_are_new_each_time() -> None:
    made = [make_ssh_keys("*.mnist") for _ in range(3)]
    assert len({keys[name] for keys in made for name in PRIVATE}) == 6
    public = {b64decode(keys[name]).split()[2] for keys in made for name in ("authorized_keys", "known_hosts")}
    assert len(public) == 6


def test_known_hosts_and_authorized_keys_have_one_line_each() -> None:
    keys = {name: b64decode(text).decode() for name, text in make_ssh_keys("[mnist-*]:2222").items()}
    assert keys["known_hosts"].startswith("[mnist-*]:2222 ssh-ed25519 AAAA")
    assert keys["authorized_keys"].startswith("restrict ssh-ed25519 AAAA")
    assert all(keys[name].endswith("\n") and keys[name].count("\n") == 1 for name in ("known_hosts", "authorized_keys"))


@pytest.mark.parametrize(("private", "public"), [("client_key", "authorized_keys"), ("host_key", "known_hosts")])
def test_ssh_keygen_reads_the_private_key_and_finds_the_public_one_in_it(pod: Pod, private: str, public: str) -> None:
    read = pod.run("ssh-keygen", "-y", "-P", "", "-f", str(pod.folder / private))
    assert read.stdout.split()[:2] == pod.text(public).split()[1:], read.stderr
    described = pod.run("ssh-keygen", "-l", "-f", str(pod.folder / public))
    assert described.stdout.startswith("256 SHA256:"), described.stderr
    assert described.stdout.rstrip().endswith("(ED25519)")


def test_command_runs_on_a_host_whose_key_is_known(pod: Pod) -> None:
    done = pod.ssh(pod, "echo $FROM_THE_POD; exit 7")
    assert (done.returncode, done.stdout) == (7, "its own\n"), done.stderr


def test_host_that_shows_another_key_is_refused(pods: tuple[Pod, Pod]) -> None:
    pod, other = pods
    done = pod.ssh(other, "echo reached")
    assert (done.returncode, done.stdout) == (255, "")
    assert "Host key verification failed" in done.stderr


def test_host_of_another_name_is_refused_although_it_shows_the_key(pod: Pod) -> None:
    done = pod.ssh(pod, "echo reached", HostKeyAlias=HOST.replace("mnist", "other"))
    assert (done.returncode, done.stdout) == (255, "")
    assert "Host key verification failed" in done.stderr


def test_key_of_another_attempt_does_not_enter(pods: tuple[Pod, Pod]) -> None:
    pod, other = pods
    done = pod.ssh(other, "echo reached", UserKnownHostsFile=str(other.folder / "known_hosts"))
    assert (done.returncode, done.stdout) == (255, "")
    assert "Permission denied" in done.stderr


def test_key_opens_no_terminal_and_no_tunnel(pod: Pod) -> None:
    own = pod.text("sshd_config")
    (pod.folder / "sshd_config").write_text(own.replace("DisableForwarding yes\n", "").replace("ForceCommand", "#"))
    assert "PTY allocation request failed" in pod.ssh(pod, "tty", flags=["-tt"]).stderr
    tunnel = pod.ssh(pod, "echo reached", flags=["-R", "0:127.0.0.1:9"], ExitOnForwardFailure="yes")
    assert (tunnel.returncode, tunnel.stdout) == (255, "")
    assert "remote port forwarding failed" in tunnel.stderr
