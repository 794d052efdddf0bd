"""How a program runs in an environment: what it finds, and that nothing else about it is changed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installing import Installed, Installer
from tests.support.package_index import serving
from tests.support.training_images import environment_image, plain_image

REPORT = "import arrays, os, sys; print(arrays.VERSION, sys.prefix, *sys.argv[1:])"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, packages_tools: Path) -> Installed:
    folder = tmp_path_factory.mktemp("program")
    image = plain_image(folder / "image")
    image.add_pip()
    image.add_script("torchrun", REPORT)
    image.add_script("careful", REPORT, f"{image.python} -s")
    image.add_script("linked", REPORT, str(image.binaries / "python3"))
    image.add_script("through-path", REPORT, "/usr/bin/env python3")
    image.add_script("through-shell", f"'''exec' \"{image.python}\" \"$0\" \"$@\"\n' '''\n{REPORT}", "/bin/sh")
    image.add_script("shell", "echo a shell", "/bin/sh")
    image.add_script("learn", "raise SystemExit('the old one')")
    image.add_script("conda", REPORT)
    other = environment_image(image, folder / "other")
    image.add_script("foreign", REPORT, str(other.python))
    (image.binaries / "binary").write_bytes(b"\x7fELF\x00")
    with serving() as index:
        index.add_wheel("arrays", "1.0", scripts=["learn"])
        done = Installer(folder, packages_tools)(image, ["arrays"], index=index)
    assert done.code == 0, done.message
    return done


@pytest.mark.parametrize("name", ["python", "python3", f"python3.{sys.version_info[1]}"])
def test_every_name_of_python_sees_the_packages(name: str, installed: Installed) -> None:
    done = installed.run(name, "-c", REPORT, "a b", "$HOME")

    assert done.stdout == f"1.0 {installed.environment} a b $HOME\n"


@pytest.mark.parametrize("script", ["torchrun", "careful", "linked", "through-path", "through-shell"])
def test_script_of_the_image_sees_the_packages(script: str, installed: Installed) -> None:
    done = installed.run(script, "--nodes=2", "x y")

    assert (done.stdout, done.stderr) == (f"1.0 {installed.environment} --nodes=2 x y\n", "")


def test_script_of_a_package_comes_before_that_of_the_image(installed: Installed) -> None:
    assert installed.run("learn").stdout == f"arrays 1.0 {installed.environment}\n"


def test_programs_that_are_not_of_the_python_stay_as_they_are(installed: Installed) -> None:
    twins = {path.name for path in (installed.environment / "bin").iterdir()}

    assert twins.isdisjoint({"shell", "binary", "foreign", "conda", "through-path"})
    assert installed.run("shell").stdout == "a shell\n"


def test_shell_script_and_its_children_see_the_packages(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text(f'python -c "{REPORT}" "$1" && torchrun "$2"\n')

    done = installed.run("sh", "train.sh", "one", "two", cwd=tmp_path)

    assert done.stdout.splitlines() == [f"1.0 {installed.environment} {word}" for word in ("one", "two")]


def test_python_by_its_path_does_not_see_the_packages(installed: Installed) -> None:
    done = installed.run(str(installed.image.python), "-c", REPORT)

    assert "No module named 'arrays'" in done.stderr


def test_image_itself_is_unchanged(installed: Installed) -> None:
    assert not list(installed.image.packages.glob("arrays*"))
    assert (installed.image.binaries / "torchrun").read_text().startswith(f"#!{installed.image.python}\n")


@pytest.mark.parametrize("code", [0, 3, 137])
def test_exit_code_is_that_of_the_program(code: int, installed: Installed) -> None:
    assert installed.run("python", "-c", f"raise SystemExit({code})").returncode == code


def test_program_that_is_missing_is_so_in_the_words_of_the_shell(installed: Installed) -> None:
    done = installed.run("missing-program")

    assert done.returncode == 127
    assert "missing-program" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signal_reaches_the_program_itself(number: signal.Signals, installed: Installed) -> None:
    # The process that a pod starts becomes the program: there is nothing between them.
    # What a shell has started in the background, such as this test, ignores SIGINT with all its children.
    heed = "signal.signal(signal.SIGINT, signal.SIG_DFL)"
    program = f"import os, signal\n{heed}\nprint(os.getpid(), flush=True)\nsignal.pause()"
    with subprocess.Popen(
        installed.command("python", "-c", program),
        env=installed.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(number)

    assert process.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_pip_that_is_ended_says_by_what(number: signal.Signals, tmp_path: Path, packages_tools: Path) -> None:
    image = plain_image(tmp_path / "image")
    # A pip that ends like one for which there is no memory.
    (image.packages / "pip.py").write_text(
        f"__version__ = '1'\nimport os, sys\nif len(sys.argv) > 1:\n    os.kill(os.getpid(), {number})\n"
    )

    done = Installer(tmp_path, packages_tools)(image, ["arrays"])

    assert (done.code, done.message) == (
        128 + number,
        f"pip ended with exit code {-number}.\npip was ended by {number.name}.\n",
    )


def test_stop_of_the_installation_reaches_pip(tmp_path: Path, packages_tools: Path) -> None:
    image = plain_image(tmp_path / "image")
    told = tmp_path / "told"
    (image.packages / "pip.py").write_text(
        "__version__ = '1'\nimport os, signal, sys, time\nif len(sys.argv) > 1:\n"
        f"    signal.signal(signal.SIGTERM, lambda *_: (open({str(told)!r}, 'w').close(), os._exit(0)))\n"
        "    print('begun', flush=True)\n    signal.pause()\n"
    )
    with Installer(tmp_path, packages_tools).begin(image, ["arrays"]) as process:
        assert process.stdout is not None
        assert "begun\n" in iter(process.stdout.readline, "")
        process.terminate()

    assert process.returncode == 128 + signal.SIGTERM
    assert told.exists()
