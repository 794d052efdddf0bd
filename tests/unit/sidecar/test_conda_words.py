"""What is said to conda, and what of its words is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainingjob.sidecar.packages.activation import Activation
from trainingjob.sidecar.packages.conda_program import CondaProgram
from trainingjob.sidecar.packages.conda_request import CondaRequest
from trainingjob.sidecar.packages.conda_variables import certificates, conda_variables
from trainingjob.sidecar.packages.failures import last_words, names_network
from trainingjob.sidecar.packages.redaction import Redaction, secrets_in

PREFIX = Path("/trainingjob/environment/conda")
CREATE = ["/opt/conda/bin/conda", "create", "--yes", "--quiet", "--prefix", str(PREFIX)]

MISSING = """\
Collecting package metadata (repodata.json): ...working... done
Solving environment: ...working... failed

PackagesNotFoundInChannelsError: The following packages are not available from current channels:

  - nowhere

Current channels:

  - https://conda.example.com/ours/noarch

To search for alternate channels that may provide the conda package you're
looking for, navigate to

    https://conda.example.org

and use the search bar at the top of the page.
"""
NO_CHANNEL = """\
Collecting package metadata (repodata.json): ...working... failed

UnavailableInvalidChannel: HTTP 404 Not Found for channel ours <https://conda.example.com/ours>

The channel is not accessible or is invalid.

You will need to adjust your conda configuration to proceed.
Use `conda config --show channels` to view your configuration's current state,
and use `conda config --show-sources` to view config file locations.
"""
OF_MAMBA = """\
error    libmamba Could not solve for environment specs
    The following package could not be installed
    └─ nowhere =* * does not exist (perhaps a typo or a missing channel).
critical libmamba Could not solve for environment specs
"""


def request(*packages: str, channels: tuple[str, ...] = ()) -> CondaRequest:
    return CondaRequest(list(packages), list(channels), [], [])


@pytest.mark.parametrize(
    ("private", "asked", "words"),
    [
        ([], request("a>=1", "b"), ["a>=1", "b"]),
        ([], request("a", channels=("x", "y")), ["--override-channels", "--channel", "x", "--channel", "y", "a"]),
        (["mine"], request("a"), ["--override-channels", "--channel", "mine", "a"]),
        (
            ["mine"],
            request("a", channels=("x",)),
            ["--override-channels", "--channel", "mine", "--channel", "x", "a"],
        ),
        (
            [],
            request("y::a", "x::b", "z/linux-64::c[build=3::4]", "d[v=1]", channels=("x",)),
            [
                *("--override-channels", "--channel", "x", "--channel", "y", "--channel", "z"),
                *("y::a", "x::b", "z/linux-64::c[build=3::4]", "d[v=1]"),
            ],
        ),
        ([], request("y::a"), ["y::a"]),
    ],
)
def test_conda_is_told_channels_only_where_some_are_named(
    private: list[str], asked: CondaRequest, words: list[str]
) -> None:
    assert CondaProgram(CREATE[0], "").create(PREFIX, private, asked) == [*CREATE, *words]


@pytest.mark.parametrize(
    ("output", "first", "last"),
    [
        (MISSING, "PackagesNotFoundInChannelsError: The following", "  - https://conda.example.com/ours/noarch"),
        (NO_CHANNEL, "UnavailableInvalidChannel: HTTP 404", "The channel is not accessible or is invalid."),
        (OF_MAMBA, "error    libmamba Could not solve", "critical libmamba Could not solve for environment specs"),
    ],
)
def test_last_words_of_conda_are_without_advice(output: str, first: str, last: str) -> None:
    words = last_words(output.splitlines())

    assert words[0].startswith(first)
    assert words[-1] == last
    assert not names_network(output.splitlines(), words)


@pytest.mark.parametrize(
    "line",
    [
        "CondaHTTPError: HTTP 000 CONNECTION FAILED for url <https://conda.example.com/ours/noarch/repodata.json>",
        "CondaHTTPError: HTTP 503 Service Unavailable for url <https://conda.example.com/ours>",
        "CondaError: Downloaded bytes did not match Content-Length",
        "ChecksumMismatchError: Conda detected a mismatch between the expected content and downloaded content",
        "requests.exceptions.ChunkedEncodingError: Response ended prematurely",
        "CondaError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
        'error    libmamba File not valid: SHA256 sum doesn\'t match expectation "pkgs/tool-1.0-0.tar.bz2"',
        "critical libmamba Download error (28) Timeout was reached [https://conda.example.com/ours/noarch]",
    ],
)
def test_connection_that_failed_is_known_by_its_words(line: str) -> None:
    assert names_network([line], last_words([line]))


def test_tokens_and_passwords_of_channels_are_hidden() -> None:
    text = "https://conda.example.com/t/first-one/ours\nhttps://reader:second-one@conda.example.com/theirs\n"

    hidden = Redaction(secrets_in(text))(text + "first-one second-one")

    assert "-one" not in hidden
    assert hidden.count("****") == 4


@pytest.mark.parametrize(
    ("cuda", "given", "version", "words"),
    [
        (False, {"CUDA_VERSION": "12.4.1"}, None, ""),
        (True, {"CUDA_VERSION": "12.4.1"}, "12.4", "Builds for CUDA 12.4 are chosen"),
        (True, {"CUDA_VERSION": "12.4.1", "CONDA_OVERRIDE_CUDA": "11.8"}, "11.8", ""),
        (True, {"CUDA_VERSION": "latest"}, None, "builds for CPUs may be chosen"),
        (True, {}, None, "builds for CPUs may be chosen"),
    ],
)
def test_cuda_is_that_of_the_image_unless_the_job_says_another(
    cuda: bool, given: dict[str, str], version: str | None, words: str
) -> None:
    variables, said = conda_variables({"PYTHONPATH": "/app", "HOME": "/h", **given}, cuda)

    assert variables.get("CONDA_OVERRIDE_CUDA") == version
    assert words in said if words else said == ""
    assert variables["HOME"] == "/h"
    assert "PYTHONPATH" not in variables


def test_image_without_certificates_gets_those_of_the_brought_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainingjob.sidecar.packages.conda_variables._CERTIFICATES", (str(tmp_path / "none"),))

    assert certificates(tmp_path, {}) == {"SSL_CERT_FILE": f"{tmp_path}/pip/pip/_vendor/certifi/cacert.pem"}
    assert certificates(tmp_path, {"SSL_CERT_FILE": "/mine"}) == {}
    (tmp_path / "none").touch()
    assert certificates(tmp_path, {}) == {}


def activated(folder: Path, environ: dict[str, str], **scripts: str) -> tuple[Activation, list[tuple[str, str]]]:
    """Return what scripts of packages have set, and which of them failed."""
    (folder / "etc" / "conda" / "activate.d").mkdir(parents=True)
    for name, text in scripts.items():
        (folder / "etc" / "conda" / "activate.d" / f"{name}.sh").write_text(text)
    activation = Activation(folder, [folder / "bin"], environ)
    return activation, activation.run_scripts()


def lines(activation: Activation) -> list[str]:
    """Return the lines of the file for the shell."""
    return os.fsdecode(activation.text()).splitlines()


def test_scripts_see_what_those_before_them_have_set(tmp_path: Path) -> None:
    activation, failed = activated(
        tmp_path, {"PATH": "/usr/bin:/bin"}, a="export A=1\n", b='export B="$A$CONDA_SHLVL"\nfalse\n', c="echo said\n"
    )

    assert failed == []
    assert {"export A=1", "export B=11"} <= set(lines(activation))


def test_path_is_extended_and_never_replaced(tmp_path: Path) -> None:
    activation, _ = activated(tmp_path, {"PATH": "/usr/bin:/bin"}, a='export PATH="/more:$PATH"\n')

    assert lines(activation)[-1] == f'export PATH=/more:{tmp_path}/bin:"$PATH"'


def test_script_that_ends_the_shell_changes_nothing(tmp_path: Path) -> None:
    activation, failed = activated(
        tmp_path, {"PATH": "/usr/bin:/bin"}, a="export A=1\n", b="export A=2; echo why >&2; exit 3\n"
    )

    assert failed == [("b.sh", "why")]
    assert "export A=1" in lines(activation)


def test_what_the_images_python_says_before_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chatty = tmp_path / "python"
    chatty.write_text(f'#!/bin/sh\necho said\nexec {sys.executable} "$@"\n')
    chatty.chmod(0o755)
    monkeypatch.setattr("trainingjob.sidecar.packages.activation.sys.executable", str(chatty))

    activation, failed = activated(tmp_path, {"PATH": "/usr/bin:/bin"}, a="export A=1\n")

    assert failed == []
    assert "export A=1" in lines(activation)


def test_python_that_tells_no_variables_counts_as_a_script_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainingjob.sidecar.packages.activation.sys.executable", "/bin/echo")

    _, failed = activated(tmp_path, {"PATH": "/usr/bin:/bin"}, a="export A=1\n")

    assert [name for name, _ in failed] == ["a.sh"]


def test_values_are_kept_byte_for_byte_whatever_the_encoding(tmp_path: Path) -> None:
    # \\351 alone is no UTF-8.
    script = "export A=\"$(printf 'caf\\351')\" B=caf\N{LATIN SMALL LETTER E WITH ACUTE} C=$OWN LC_ALL=C.UTF-8\n"
    (tmp_path / "etc" / "conda" / "activate.d").mkdir(parents=True)
    (tmp_path / "etc" / "conda" / "activate.d" / "a.sh").write_bytes(script.encode())
    code = (
        "import sys; from pathlib import Path; import os\n"
        "from trainingjob.sidecar.packages.activation import Activation\n"
        "folder = Path(sys.argv[1]); activation = Activation(folder, [folder / 'bin'], os.environ)\n"
        "assert activation.run_scripts() == []\n"
        "(folder / 'activate.sh').write_bytes(activation.text())"
    )
    # So does Python 3.6 work where LANG is not set.
    ascii_alone = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    own = {**ascii_alone, "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path), "OWN": "\N{EURO SIGN}"}

    subprocess.run([sys.executable, "-c", code, tmp_path], env=own, check=True)
    said = subprocess.run(
        ["/bin/sh", "-c", f'. {tmp_path}/activate.sh; printf "$A $B $C"'], env={}, capture_output=True, check=True
    )

    assert said.stdout == b"caf\xe9 " + "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{EURO SIGN}".encode()


def test_process_that_a_script_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    left = f"(while [ -e {tmp_path}/gate ]; do sleep 0.1; done; touch {tmp_path}/ended) &\n"
    try:
        activation, failed = activated(tmp_path, {"PATH": "/usr/bin:/bin"}, a=f"{left}export A=1\n")

        assert failed == []
        assert "export A=1" in lines(activation)
        assert not (tmp_path / "ended").exists()
    finally:
        (tmp_path / "gate").unlink()


def test_bash_in_place_of_sh_reads_what_scripts_have_exported(tmp_path: Path) -> None:
    activation, failed = activated(
        tmp_path,
        {"PATH": "/usr/bin:/bin", "PPID": "1", "EUID": "1"},
        a="export UID EUID PPID SHELLOPTS BASHOPTS A=1\n",
        b="unset PPID\n",
    )
    (tmp_path / "activate.sh").write_bytes(activation.text())
    (tmp_path / "sh").symlink_to("/bin/bash")

    said = subprocess.run(
        [tmp_path / "sh", "-c", f". {tmp_path}/activate.sh && echo $A"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert failed == []
    assert (said.stdout, said.stderr) == ("1\n", "")
